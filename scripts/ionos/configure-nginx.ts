#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'configure-nginx',
  summary: 'Write and test the nginx configuration; restore the old one if nginx rejects it',
  needsVps: true,
  // With a certificate, the whole site; without one, only what the CA needs. nginx -t, then systemctl reload nginx.
  tasks: (context, _flags, { nginxHttpTask, onEachServer }) =>
    onEachServer(context, (each) => [nginxHttpTask(each, { title: 'nginx' })]),
})

export default script
if (isMain(import.meta)) await script.start()
