package submission

// WaitJobs waits until no job is under way.
func (s *Service) WaitJobs() { s.jobs.idle() }

// KillJobs stops the jobs at once, as a killed process would, between any two
// writes.
func (s *Service) KillJobs() {
	s.jobs.stop()
	s.jobs.idle()
}
