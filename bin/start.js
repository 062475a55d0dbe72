// Plain JavaScript, started by bin/node with the machine's own Node: runs the same line with a supported Node.
import path from 'node:path'
import { handOver, isSupported, runHere, runWith } from './projectNode.js'

// --install: as root on Debian, install the library that the project's Node lacks.
const install = process.argv[2] === '--install'
const argv = process.argv.slice(install ? 3 : 2)
const [file = '', ...args] = argv

// Plain JavaScript of the project finds the right Node itself.
if (file.endsWith('.js') || (file.endsWith('.ts') && isSupported())) await runHere(path.resolve(file), args)
else if (isSupported()) runWith(process.execPath, argv)
else handOver(argv, { install })
