import { expect, test } from 'vitest'
import { createServers } from '../../../lib/config/servers.ts'
import { vpsSettings } from '../../../lib/config/settings/vps.ts'
import { loadTestConfig } from '../../support/helpers.ts'

test('a server knows the keys that set its fields', async () => {
  const [server] = (await loadTestConfig('IONOS_HOST=a.example')).servers
  expect(server).toMatchObject({ name: 'vps', label: 'the VPS', address: 'a.example', publicIp: 'a.example' })
  expect(server.keys).toEqual({
    ...{ address: 'IONOS_HOST', port: 'IONOS_PORT', user: 'IONOS_USER', key: 'IONOS_SSH_KEY' },
    ...{ knownHosts: 'IONOS_KNOWN_HOSTS', publicIp: 'IONOS_PUBLIC_IP', publicIpv6: 'IONOS_PUBLIC_IPV6' },
  })
})

test('a second section of keys is a second server with another name', async () => {
  const [first] = (await loadTestConfig()).servers
  const { vps } = vpsSettings.servers
  const settings = { vps, vps2: { ...vps, address: { ...vps.address, key: 'SECOND_HOST' } } }
  const servers = createServers(
    { vps: first, vps2: { ...first, address: 'b.example' } } as never,
    settings as never,
  )
  expect(servers.map(({ name, label, address, keys }) => [name, label, address, keys.address])).toEqual([
    ['vps', 'the VPS', first.address, 'IONOS_HOST'],
    ['vps2', 'the VPS vps2', 'b.example', 'SECOND_HOST'],
  ])
})
