import { once } from 'node:events'
import type { Authority } from './authority.ts'
import { type Machine, startMachine } from './machine.ts'
import type { Network } from './network.ts'
import { waitForPort } from './processes.ts'

/** Two addresses outside both clouds that speak TLS, for HEALTH_NEUTRAL_TARGETS; the first one also has IPv6. */
export interface Neutral {
  /** Two ADDRESS:443, over IPv4. */
  targets: string[]
  stop(): Promise<void>
}

const [certificateFile, keyFile] = ['/etc/ssl/neutral.pem', '/etc/ssl/neutral.key']

/** On each given address: performs a TLS handshake with every connection, then closes it. */
const listen = `
import socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("${certificateFile}", "${keyFile}")
def greet(connection):
    connection.settimeout(10)
    try:
        context.wrap_socket(connection, server_side=True).unwrap()
    except OSError:
        pass
    finally:
        connection.close()
def serve(listener):
    while True:
        threading.Thread(target=greet, args=(listener.accept()[0],), daemon=True).start()
for address in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    threading.Thread(target=serve, args=(socket.create_server((address, 443), family=family, backlog=64),)).start()`

/** Starts the machine behind both addresses, which represents the rest of the internet. */
export async function startNeutral(options: {
  network: Network
  folder: string
  resolver: string
  root: string
  /** Issues the certificate for both addresses. */
  authority: Authority
}): Promise<Neutral> {
  const { network, authority } = options
  const addresses = [network.allocate(), network.allocate()]
  const [first, second] = addresses as [string, string]
  const ipv6 = network.toIpv6(first)
  const { certificate, key } = await authority.issue([...addresses, ipv6])
  const machine: Machine = await startMachine({
    name: 'internet',
    ...options,
    address: first,
    hasIpv6: true,
    files: { [certificateFile]: { text: certificate }, [keyFile]: { text: key, mode: 0o600 } },
  })
  try {
    const added = machine.spawn(['ip', 'address', 'add', `${second}/24`, 'dev', 'eth0'], { stdio: 'ignore' })
    await once(added, 'close')
    machine.spawn(['python3', '-c', listen, ...addresses, ipv6], { stdio: 'ignore' })
    for (const address of addresses) await waitForPort(address, 443, { what: 'The neutral target' })
  } catch (error) {
    await machine.stop()
    throw error
  }
  return {
    targets: addresses.map((address) => `${address}:443`),
    async stop() {
      network.release(second)
      await machine.stop()
    },
  }
}
