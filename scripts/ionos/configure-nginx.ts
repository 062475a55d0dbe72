#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'configure-nginx',
  summary: 'Write the nginx configuration and test it; restore the old one when nginx refuses it',
  needsVps: true,
  // With a certificate: the whole site. Without: what the CA needs to find. nginx -t, then systemctl reload nginx.
  tasks: (context, _flags, { nginxHttpTask }) => [nginxHttpTask(context, { title: 'nginx' })],
})

export default script
if (isMain(import.meta)) await script.start()
