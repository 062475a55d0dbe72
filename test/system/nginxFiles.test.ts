import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { createContent, createVisitor, smallDashboard, ssh, trySsh } from '../support/system/site.ts'

/* What configure-nginx does when nginx rejects its files, and when somebody else has changed them. */

const domain = 'codexdominion.app'
const broken = '/etc/nginx/conf.d/broken.conf'

let clouds: Rehearsal
let dashboard: string
let environment: string
let get: ReturnType<typeof createVisitor>

beforeAll(async () => {
  clouds = await startRehearsal('test-nginx-files', { vpsFrom: 'trixie' })
  get = createVisitor(clouds)
  dashboard = smallDashboard(createContent(3, 'face'))
  environment = clouds.variant('face', { DASHBOARD_DIR: dashboard })
  for (const script of ['setup-server', 'publish-frontend', 'issue-certificate']) {
    const done = await clouds.dominion([script], { environment })
    expect(done.code, done.stderr).toBe(0)
  }
})

afterAll(async () => {
  await clouds?.down()
  if (dashboard) rmSync(dashboard, { recursive: true, force: true })
})

const configure = () => clouds.dominion(['configure-nginx'], { environment })

test('another default_server is named with what to do about it', async () => {
  // A pending change: without one, nginx is not called at all.
  const pending = `echo '# by hand' >> /etc/nginx/dominion/${domain}/current/headers.conf`
  await ssh(clouds, `echo 'server { listen 80 default_server; return 200; }' > ${broken} && ${pending}`)
  const done = await configure()
  expect(done.code).toBe(1)
  expect(done.stderr).toContain('duplicate default server')
  expect(done.stderr).toContain('remove the word there')
  await ssh(clouds, `rm ${broken}`)
  expect((await configure()).code).toBe(0)
})

/** The whole nginx configuration: type, mode, owner, time, link target and content of each file. */
const everything = () =>
  ssh(
    clouds,
    String.raw`cd /etc/nginx && find . ! -type d -printf '%y %m %u:%g %T+ %s %p -> %l\n' -o -type d -printf '%y %m %u:%g %p\n' | sort && find . -type f -exec sha256sum {} + | sort`,
  )

test('a rejected configuration leaves every file and link exactly as before, including missing ones', async () => {
  const link = `/etc/nginx/sites-enabled/${domain}.conf`
  const neighbour = '/etc/nginx/sites-enabled/neighbour'
  // The site's link is missing, and another site claims the port's default.
  await ssh(
    clouds,
    `rm ${link}
    echo 'server { listen 80 default_server; return 200; }' > ${neighbour} && nginx -t -q`,
  )
  const before = await everything()
  const done = await configure()
  expect(done.code).toBe(1)
  expect(done.stderr).toContain('nginx rejected the new configuration; the previous one was restored')
  expect(done.stderr).toContain('duplicate default server')
  expect(await everything()).toBe(before)
  await ssh(clouds, 'nginx -t -q')
  expect((await get('/p1')).status, 'what nginx had loaded is served on').toBe(200)

  // A set that was edited by hand, and a file in place of the link.
  await ssh(
    clouds,
    `echo '# by hand' >> /etc/nginx/dominion/${domain}/current/headers.conf && echo '# mine' > ${link} && chmod 640 ${link}`,
  )
  const changed = await everything()
  expect((await configure()).code).toBe(1)
  expect(await everything()).toBe(changed)
  // The next run undoes a run that was killed midway.
  const killer = '#!/bin/sh\n[ "$1" = -t ] || exec /usr/sbin/nginx "$@"\nrm "$0"; kill -9 $PPID\n'
  await ssh(clouds, `printf '%s' '${killer}' > /usr/local/bin/nginx && chmod 755 /usr/local/bin/nginx`)
  expect((await configure()).code).toBe(1)
  expect(await everything()).not.toBe(changed)
  expect((await configure()).stderr).toContain('duplicate default server')
  expect(await everything()).toBe(changed)

  await ssh(clouds, `mkdir /root/kept && mv /etc/nginx/dominion ${link} /root/kept`)
  // A first run, where nginx rejects the previous configuration, too.
  await ssh(clouds, 'ln -s ../sites-available/gone /etc/nginx/sites-enabled/default')
  const first = await everything()
  const refused = await configure()
  expect(refused.code).toBe(1)
  expect(await everything()).toBe(first)
  expect(refused.stderr).toContain('nginx rejects the previous configuration too')
  await ssh(
    clouds,
    `rm ${neighbour} /etc/nginx/sites-enabled/default && mv /root/kept/dominion /etc/nginx/ && rm -r /root/kept`,
  )
  const again = await configure()
  expect(again.code, again.stderr).toBe(0)
  expect((await get('/p1')).status).toBe(200)
  expect((await configure()).stdout).toContain('Nothing to do')
})

test('manual changes are detected, named and corrected; a stopped nginx is started', async () => {
  const file = `/etc/nginx/dominion/${domain}/current/headers.conf`
  await ssh(clouds, `echo '# by hand' >> ${file} && systemctl stop nginx`)
  const plan = await clouds.dominion(['configure-nginx', '--dry-run'], { environment })
  expect(plan.stdout).toContain('headers.conf differs')
  const done = await configure()
  expect(done.code, done.stderr).toBe(0)
  expect((await get('/p1')).status).toBe(200)
  expect(await ssh(clouds, `cat ${file}`)).not.toContain('by hand')
  expect((await configure()).stdout).toContain('Nothing to do')
})

test('files of an export that nginx never serves are named in plan and run', async () => {
  for (const name of ['.hidden/x.txt', 'api/x.json']) {
    const file = path.join(dashboard, 'public', name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, 'x')
  }
  const done = await clouds.dominion(['publish-frontend'], { environment })
  expect(done.code, done.stderr).toBe(0)
  expect(done.stderr).toContain('warning: nginx never serves .hidden/x.txt, api/x.json')
  for (const name of ['/.hidden/x.txt', '/api/x.json']) expect((await get(name)).body).not.toBe('x')
})

test('a port in use: nginx does not start, and its message is shown', async () => {
  await ssh(clouds, 'systemctl stop nginx')
  await ssh(
    clouds,
    `setsid -f /usr/bin/python3 -c 'import socket,time; s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", 443)); s.listen(); open("/run/holder.pid", "w").write(str(__import__("os").getpid())); time.sleep(120)' > /dev/null 2>&1 < /dev/null; while [ ! -s /run/holder.pid ]; do sleep 0.1; done`,
  )
  const done = await configure()
  expect(done.code).toBe(1)
  expect(done.stderr).toContain('Address already in use')
  expect(done.stderr).toContain('ss -ltnp')
  await trySsh(clouds, 'kill $(cat /run/holder.pid)')
  const fixed = await configure()
  expect(fixed.code, fixed.stderr).toBe(0)
  expect((await get('/p1')).status).toBe(200)
})

test('an apache on port 80 is named by setup-server, which then changes nothing', async () => {
  await ssh(clouds, 'systemctl stop nginx')
  expect((await clouds.control('/vps', { name: 'apache' })).status).toBe(204)
  const pid = (await ssh(clouds, 'cat /run/apache2.pid')).trim()
  const done = await clouds.dominion(['setup-server'], { environment })
  expect(done.code).toBe(1)
  expect(done.stderr).toContain(`port 80 is taken by apache2 (process ${pid})`)
  expect(done.stderr).toContain(`systemctl status ${pid}`)
  const doctor = await clouds.dominion(['doctor', '--only', 'vps'], { environment })
  expect(doctor.stdout).toContain(`is not running; port 80 is taken by apache2 (process ${pid})`)
  await clouds.control('/vps', { name: 'apache', on: false })
  expect((await clouds.dominion(['setup-server'], { environment })).code).toBe(0)
  const fixed = await configure()
  expect(fixed.code, fixed.stderr).toBe(0)
  expect((await get('/p1')).status).toBe(200)
})
