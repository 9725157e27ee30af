// mongosh "mongodb://admin@HOST/concord?tls=true&authSource=admin" deploy/mongo/users.js
//
// Makes the roles, or brings them to what roles.json says, and the users that are
// not there yet. It asks for their passwords. Nobody else should have rights on the
// database: whoever may update or remove can change the log, which verification
// finds, but only afterwards.
const fs = require('fs');
const path = require('path');
const roles = JSON.parse(fs.readFileSync(path.join(__dirname, 'roles.json'), 'utf8'));

for (const [role, rights] of Object.entries(roles)) {
  const privileges = Object.entries(rights).map(([collection, actions]) => ({
    resource: {db: db.getName(), collection},
    actions,
  }));
  if (db.getRole(role)) {
    db.updateRole(role, {privileges, roles: []});
  } else {
    db.createRole({role, privileges, roles: []});
  }
  if (!db.getUser(role)) {
    print(`password of the user ${role}:`);
    db.createUser({user: role, pwd: passwordPrompt(), roles: [{role, db: db.getName()}]});
  }
}
