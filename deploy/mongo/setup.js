// mongosh "mongodb://admin@HOST/concord?tls=true&authSource=admin" deploy/mongo/setup.js
//
// Makes the collections, with validators, and their indexes in the database of the
// connection, and changes nothing of what is there in the same form. Run it again
// after an upgrade. What has another form is reported, and left alone.
const fs = require('fs');
const path = require('path');
const shape = JSON.parse(fs.readFileSync(path.join(__dirname, 'shape.json'), 'utf8'));

const there = new Map(db.getCollectionInfos().map((c) => [c.name, c]));
for (const [name, want] of Object.entries(shape)) {
  const rules = {validator: {$jsonSchema: want.validator}, validationLevel: 'strict', validationAction: 'error'};
  const c = there.get(name);
  if (!c) {
    db.createCollection(name, rules);
    print(`${name}: made`);
  } else if (c.type !== 'collection' || c.options.capped || c.options.collation) {
    throw new Error(`${name} is there, and is no ordinary collection`);
  } else {
    db.runCommand({collMod: name, ...rules});
    print(`${name}: validator set`);
  }
  for (const [index, keys] of Object.entries(want.indexes)) {
    // The order of the keys counts, and JSON keeps it. An index of the name with
    // other keys is an error of the server.
    db.getCollection(name).createIndex(keys, {name: index});
  }
}
