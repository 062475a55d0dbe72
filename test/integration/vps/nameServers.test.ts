import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parseServerState } from '../../../lib/vps/serverState.ts'
import { home, temporaryFolder } from '../../support/helpers.ts'
import { runInNamespaces } from '../../support/namespaces.ts'

const script = path.join(home, 'lib/vps/remote/server-state.sh')

/** Name servers on the loopback: .53 answers, but only the second time; .54 answers REFUSED; .55 never answers. */
const servers = `
import socket, threading, sys
def serve(address, answer):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, 53))
    def run():
        count = 0
        while True:
            query, sender = one.recvfrom(4096)
            count += 1
            reply = answer(query, count)
            if reply: one.sendto(reply, sender)
    threading.Thread(target=run).start()
serve("127.0.0.53", lambda query, count: count > 1 and query[:2] + bytes([0x81, 0x80]) + query[4:])
serve("127.0.0.54", lambda query, count: query[:2] + bytes([0x81, 0x85]) + query[4:])
serve("127.0.0.55", lambda query, count: None)
print("ready", flush=True)
`

/** Runs remote/server-state.sh with this /etc/resolv.conf, in a separate network, after `prepare` (shell). */
async function readState(resolvConf: string, prepare = 'true') {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, 'servers.py'), servers)
  writeFileSync(path.join(folder, 'resolv.conf'), resolvConf)
  const world = `ip link set lo up && mount --make-rprivate / && mount -t tmpfs none /etc && cp "$2/resolv.conf" /etc/ && ${prepare} || exit
    mkfifo "$2/ready" && { python3 "$2/servers.py" > "$2/ready" & } && read -r _ < "$2/ready"
    dash "$1" /var/www site.test /var/www/_acme /etc/hook nginx; code=$?; kill $!; exit $code`
  const flags = ['--user', '--map-root-user', '--mount', '--net']
  const done = await runInNamespaces(flags, ['sh', '-c', world, 'sh', script, folder])
  expect(done.code, done.stderr).toBe(0)
  return parseServerState(done.stdout, 'vps')
}

test('name servers that do not answer, refuse, or do not exist are dead', async () => {
  const state = await readState(
    ['# by hand', 'nameserver 127.0.0.55', ' nameserver\t127.0.0.54 # x', 'nameserver 127.0.0.53']
      .concat('nameserver 127.0.0.56', 'nameserver nonsense', 'options timeout:2', '')
      .join('\n'),
  )
  expect(state.nameservers).toEqual(['127.0.0.53'])
  expect([...state.deadNameservers].sort()).toEqual(['127.0.0.54', '127.0.0.55', '127.0.0.56', 'nonsense'])
})

test('a single name server is used without asking it', async () => {
  const state = await readState('nameserver 127.0.0.55\n')
  expect([state.nameservers, state.deadNameservers]).toEqual([['127.0.0.55'], []])
})

test('other sites of this toolbox are neighbours while they are the default server of nginx', async () => {
  const sites = ['site.test', 'second.app', 'edited.app'].map((domain) => {
    const folder = `/etc/nginx/dominion/${domain}/current`
    const line = domain === 'edited.app' ? 'listen 443 ssl;' : 'listen 443 ssl default_server;'
    return `mkdir -p ${folder} && echo '${line}' > ${folder}/site.conf && ln -s ${folder}/site.conf /etc/nginx/sites-enabled/${domain}.conf`
  })
  const foreign = "echo 'listen 443 default_server;' > /etc/nginx/sites-enabled/foreign.conf"
  const prepare = ['mkdir -p /etc/nginx/sites-enabled', ...sites, foreign].join(' && ')
  expect((await readState('', prepare)).nginx.neighbours).toEqual(['second.app'])
  expect((await readState('')).nginx.neighbours).toEqual([])
})
