// Plain JavaScript, started by bin/node with the machine's own Node: runs the same line with a Node that is supported.
import path from 'node:path'
import { handOver, isSupported, runHere, runWith } from './projectNode.js'

const argv = process.argv.slice(2)
const [file = '', ...args] = argv

// Plain JavaScript of the project looks for the right Node itself.
if (file.endsWith('.js') || (file.endsWith('.ts') && isSupported())) await runHere(path.resolve(file), args)
else if (isSupported()) runWith(process.execPath, argv)
else handOver(argv)
