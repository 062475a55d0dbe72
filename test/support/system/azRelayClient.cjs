// Started by az.cmd under wine in place of az's Python: PORT, then the arguments of az; see azRelay.ts.
const fs = require('node:fs')
const net = require('node:net')

const [port, ...argv] = process.argv.slice(2)
// Like az, it reads its input only when an argument says so.
const stdin = argv.some((word) => word.endsWith('@-')) ? fs.readFileSync(0, 'utf8') : ''
const call = JSON.stringify({ argv, env: process.env, stdin })
const socket = net.connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
socket.end(call)
let answer = ''
socket.setEncoding('utf8').on('data', (chunk) => {
  answer += chunk
})
socket.on('end', () => {
  const { code, stdout, stderr } = JSON.parse(answer)
  // Synchronous, because Node's own stream of a pipe cannot be opened under wine 8.
  for (const [file, text] of [
    [1, stdout],
    [2, stderr],
  ])
    if (text !== '') fs.writeFileSync(file, text)
  process.exitCode = code
})
