import { once } from 'node:events'
import { type Machine, startMachine } from './machine.ts'
import type { Network } from './network.ts'
import { waitForPort } from './processes.ts'

/** What has nothing to do with either cloud: two addresses that take connections, for HEALTH_NEUTRAL_TARGETS. */
export interface Neutral {
  /** ADDRESS:443, two of them. */
  targets: string[]
  stop(): Promise<void>
}

/** Takes connections on each address given, and ends each at once. Perl, because it is on every Debian. */
const listen = `
use IO::Socket::INET; $SIG{CHLD} = "IGNORE";
for my $address (@ARGV) {
  next if fork;
  my $listener = IO::Socket::INET->new(LocalAddr => $address, LocalPort => 443, Listen => 64, ReuseAddr => 1) or die "$address: $!";
  while (my $connection = $listener->accept) { close $connection }
}`

/** Starts the machine behind both addresses: it stands for the rest of the Internet. */
export async function startNeutral(options: {
  network: Network
  folder: string
  resolver: string
}): Promise<Neutral> {
  const { network } = options
  const machine: Machine = await startMachine({ name: 'internet', ...options })
  const second = network.allocate()
  const addresses = [machine.address, second]
  try {
    const added = machine.spawn(['ip', 'address', 'add', `${second}/24`, 'dev', 'eth0'], { stdio: 'ignore' })
    await once(added, 'close')
    machine.spawn(['perl', '-e', listen, ...addresses], { stdio: 'ignore' })
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
