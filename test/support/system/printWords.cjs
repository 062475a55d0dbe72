// Prints its arguments and its input as JSON. Node's own streams of pipes cannot be opened under wine 8.
const fs = require('node:fs')

fs.writeSync(1, JSON.stringify({ words: process.argv.slice(2), stdin: fs.readFileSync(0, 'utf8') }))
