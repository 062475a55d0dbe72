import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/**
 * A DNS server (UDP) that forwards queries, except those that it is set to answer wrongly. The certificate
 * authority uses it, so that a test can show the authority a different world from the operator's.
 */
export interface MisleadingDns {
  port: number
  /** From now on, `name` has only these A records (an empty list: no address); undefined ends that. */
  answer(name: string, addresses: string[] | undefined): void
  stop(): Promise<void>
}

const TYPE_A = 1
const HEADER = 12
const TTL_SECONDS = 1

/** Listens on a free port of 127.0.0.1 and forwards queries to `upstream`:53. */
export async function startMisleadingDns(upstream: string): Promise<MisleadingDns> {
  const answers = new Map<string, string[]>()
  const server = createSocket('udp4')
  server.on('message', (query, from) => {
    const question = readQuestion(query)
    const addresses = question && answers.get(question.name)
    if (!addresses) return pass(server, query, upstream, from)
    server.send(reply(query, question, addresses), from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: server.address().port,
    answer(name, addresses) {
      if (addresses) answers.set(name.toLowerCase(), addresses)
      else answers.delete(name.toLowerCase())
    },
    async stop() {
      server.close()
      await once(server, 'close')
    },
  }
}

function pass(
  server: Socket,
  query: Buffer,
  upstream: string,
  from: { port: number; address: string },
): void {
  const client = createSocket('udp4')
  const close = () => {
    clearTimeout(timer)
    client.close()
  }
  const timer = setTimeout(close, 3000) // The client repeats its query, as after any lost datagram.
  client.on('error', close)
  client.once('message', (answer) => {
    server.send(answer, from.port, from.address)
    close()
  })
  client.send(query, 53, upstream)
}

interface Question {
  name: string
  type: number
  /** Offset of the first octet after the question. */
  end: number
}

/** The first question of a DNS message (RFC 1035, 4.1.2); undefined when the message has none. */
function readQuestion(message: Buffer): Question | undefined {
  if (message.length < HEADER || message.readUInt16BE(4) < 1) return undefined
  const labels: string[] = []
  let at = HEADER
  for (;;) {
    const length = message[at]
    if (length === undefined || length > 63) return undefined
    at += 1
    if (length === 0) break
    labels.push(message.toString('latin1', at, at + length).toLowerCase())
    at += length
  }
  if (at + 4 > message.length) return undefined
  return { name: labels.join('.'), type: message.readUInt16BE(at), end: at + 4 }
}

/** An authoritative answer without error (RFC 1035, 4.1.1); only A questions get records. */
function reply(query: Buffer, question: Question, addresses: string[]): Buffer {
  const records = question.type === TYPE_A ? addresses : []
  const message = Buffer.concat([query.subarray(0, question.end), ...records.map(record)])
  message.writeUInt16BE(0x8480 | (query.readUInt16BE(2) & 0x0100), 2) // response, authoritative, recursion available
  message.writeUInt16BE(1, 4)
  message.writeUInt16BE(records.length, 6)
  message.writeUInt32BE(0, 8)
  return message
}

function record(address: string): Buffer {
  const answer = Buffer.alloc(16)
  answer.writeUInt16BE(0xc000 | HEADER, 0) // pointer to the question's name
  answer.writeUInt16BE(TYPE_A, 2)
  answer.writeUInt16BE(1, 4)
  answer.writeUInt32BE(TTL_SECONDS, 6)
  answer.writeUInt16BE(4, 10)
  address.split('.').forEach((part, index) => {
    answer[12 + index] = Number(part)
  })
  return answer
}
