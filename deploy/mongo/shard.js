// mongosh "mongodb://admin@ROUTER/concord?tls=true&authSource=admin" deploy/mongo/shard.js
//
// On a sharded cluster only, after setup.js: distributes the collections for which
// shape.json has a key. README.md says why these keys, and why no others.
const fs = require('fs');
const path = require('path');
const shape = JSON.parse(fs.readFileSync(path.join(__dirname, 'shape.json'), 'utf8'));

for (const [name, want] of Object.entries(shape)) {
  if (want.shard) {
    sh.shardCollection(`${db.getName()}.${name}`, want.shard);
    print(`${name}: ${JSON.stringify(want.shard)}`);
  }
}
