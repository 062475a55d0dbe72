import { expect, test } from 'vitest'
import { onHost } from '../../../lib/shell/command.ts'
import type { Remote } from '../../../lib/shell/remote.ts'
import { openRunner, testHost } from '../../support/helpers.ts'

test('each server gets its own connection, even when two have one name', async () => {
  const opened: string[] = []
  const runner = openRunner({
    async openHost({ user, address, port }) {
      const at = `${user}@${address}:${port}`
      opened.push(at)
      const exec: Remote['exec'] = async () => ({ code: 0, stdout: at, stderr: '', timedOut: false })
      return { exec, close() {} } as Partial<Remote> as Remote
    },
  })
  const second = { ...testHost, address: '192.0.2.2' }
  const servers = [testHost, second, { ...second, port: 2222 }, { ...second, user: 'ops' }]
  const ranOn: string[] = []
  for (const host of [...servers, ...servers]) ranOn.push((await runner.run(onHost(host)`true`)).stdout)
  expect(opened).toEqual([
    'root@192.0.2.1:22',
    'root@192.0.2.2:22',
    'root@192.0.2.2:2222',
    'ops@192.0.2.2:22',
  ])
  expect(ranOn).toEqual([...opened, ...opened])
})
