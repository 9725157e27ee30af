package agreement

import "testing"

// Section 16 may carry anonymous health data, and a citation of another section
// or another Act is none of it.
func TestViolenceDutyIsRecognised(t *testing.T) {
	for text, want := range map[string]bool{
		"Police, Crime, Sentencing and Courts Act 2022 s.16":        true,
		"Police, Crime, Sentencing and Courts Act 2022, section 16": true,
		"Police, Crime, Sentencing and Courts Act 2022 s. 16(1)":    true,
		"PCSC Act s.16":   true,
		"PCSCA 2022 s.16": true,
		"section 16 of the Police, Crime, Sentencing and Courts Act 2022": true,
		"s16 PCSC Act 2022":                    true,
		"PCSC Act 2022 ss.8 and 16":            true,
		"PCSC Act 2022, ss 8, 16(2)(a) and 17": true,
		"sections 8 to 16 of the PCSC Act":     true,
		"PCSC Act 2022 ss.15-17":               true,
		"Police, Crime, Sentencing & Courts Act 2022, Part 2, Chapter 1, Section 16": true,
		"Crime and Disorder Act 1998 s.115; PCSC Act 2022 s.16":                      true,

		"PCSC Act 2022 s.160":                                       false,
		"PCSC Act 2022 s.16A":                                       false,
		"PCSC Act 2022 s.17":                                        false,
		"PCSC Act 2022 s.8":                                         false,
		"PCSC Act 2022 ss.8-15":                                     false,
		"Crime and Disorder Act 1998 s.115":                         false,
		"Children Act 2004 s.16":                                    false,
		"section 16 of the Children Act 2004":                       false,
		"Children Act 2004 s.16 and PCSC Act 2022 s.8":              false,
		"PCSC Act 2022 s.8 and section 16 of the Children Act 2004": false,
		"Police, Crime, Sentencing and Courts Act 2022":             false,
		"16 reasons":                                                false,
	} {
		if got := citesViolenceDuty(text); got != want {
			t.Errorf("%q: %t (%v)", text, got, citations(text))
		}
	}
}

// Section 17A and its regulations are for depersonalised information; a text
// that cites another power as well has that other power.
func TestDepersonalisedPowerIsRecognised(t *testing.T) {
	for text, want := range map[string]bool{
		"Crime and Disorder Act 1998 s.17A with SI 2007/1831": true,
		"Crime and Disorder Act 1998 s.17A":                   true,
		"Crime and Disorder Act 1998, section 17A(2)":         true,
		"section 17A of the Crime and Disorder Act 1998":      true,
		"CDA 1998 s17a":                    true,
		"CDA s 17A and S.I. 2007 No. 1831": true,
		"SI 2007/1831":                     true,
		"SI 2007/1831 reg 3":               true,
		"Crime & Disorder (Prescribed Information) Regulations 2007": true,
		"§ 17A CDA 1998": true,

		"Crime and Disorder Act 1998 s.115":                         false,
		"Crime and Disorder Act 1998 ss.17A and 115":                false,
		"Crime and Disorder Act 1998 ss 115, 17A":                   false,
		"Crime and Disorder Act 1998 s.17A; Children Act 2004 s.11": false,
		"Crime and Disorder Act 1998 s.17A and the common law":      false,
		"Crime and Disorder Act 1998 s.17":                          false,
		"Crime and Disorder Act 1998":                               false,
		"Children Act 2004 s.17A":                                   false,
		"SI 2007/18311":                                             false,
		"a power of no name":                                        false,
	} {
		if got := onlyDepersonalised(text); got != want {
			t.Errorf("%q: %t (%v)", text, got, citations(text))
		}
	}
}

func FuzzCitations(f *testing.F) {
	f.Add("PCSC Act 2022 ss.8-16")
	f.Add("s.1 to 999999999999999999999 of the CDA")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range citations(text) {
			if c.act == "" {
				t.Errorf("%q cites no act", text)
			}
		}
	})
}
