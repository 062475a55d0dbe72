#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'setup-server',
  summary: 'Install nginx and certbot on the VPS and create their folders',
  needsVps: true,
  // apt-get install nginx certbot …, systemctl enable nginx, systemctl enable --now certbot.timer
  tasks: (context, _flags, { onEachServer, serverTask }) =>
    onEachServer(context, (each) => [serverTask(each)]),
})

export default script
if (isMain(import.meta)) await script.start()
