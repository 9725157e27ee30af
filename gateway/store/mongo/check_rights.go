package mongo

import (
	"slices"
	"strings"
)

// Rights are the actions that the gateway's user has on a collection, and needs.
// deploy/mongo/roles.json gives the role the same.
func Rights(collection string) []string {
	if collection == collRecords || collection == collPieces {
		return []string{"find", "insert", "remove", "listIndexes"}
	}
	return []string{"find", "insert", "listIndexes"}
}

// reading are actions that change nothing, wherever they are allowed.
// https://www.mongodb.com/docs/manual/reference/privilege-actions/
var reading = []string{
	"find", "listCollections", "listIndexes", "listDatabases", "collStats", "dbStats", "indexStats", "dbHash", "changeStream",
	"killCursors", "planCacheRead", "serverStatus", "replSetGetStatus", "connPoolStats", "top", "inprog", "hostInfo",
	"changeOwnPassword", "changeOwnCustomData",
}

// rightsOf objects to a user who may do more than Rights, anywhere: on the log, on
// its database, on any, or on the users and roles by which it could help itself to
// more. The gateway's user is for nothing but the gateway. It objects, too, where
// something is lacking.
func rightsOf(privileges []privilege, database string, object func(weight, string)) {
	has := map[string]map[string]bool{}
	for _, collection := range Collections() {
		has[collection] = map[string]bool{}
	}
	for i := range privileges {
		p := &privileges[i]
		var more []string
		for _, action := range p.Actions {
			for _, collection := range Collections() {
				if p.Resource.covers(database, collection) {
					has[collection][action] = true
				}
			}
			if !p.Resource.needs(database, action) && !slices.Contains(reading, action) {
				more = append(more, action)
			}
		}
		if len(more) > 0 {
			slices.Sort(more)
			object(weak, "the user may do more than it needs on "+p.Resource.String()+": "+strings.Join(more, ", "))
		}
	}
	for _, collection := range Collections() {
		for _, action := range Rights(collection) {
			if !has[collection][action] && !has[collection]["anyAction"] {
				object(weak, "the user lacks the right to "+action+" on "+database+"."+collection)
			}
		}
	}
}

// covers reports whether a resource includes a collection.
func (r *resource) covers(database, collection string) bool {
	if r.Any {
		return true
	}
	return r.DB != nil && r.Collection != nil && (*r.DB == "" || *r.DB == database) && (*r.Collection == "" || *r.Collection == collection)
}

// needs reports whether a resource is one collection, on which the gateway needs the
// action.
func (r *resource) needs(database, action string) bool {
	return !r.Any && !r.Cluster && r.DB != nil && r.Collection != nil && *r.DB == database &&
		isOurs(*r.Collection) && slices.Contains(Rights(*r.Collection), action)
}
