#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'issue-certificate',
  summary: 'Obtain the certificate for DOMAIN and www.DOMAIN if it is missing or about to expire',
  needsVps: true,
  tasks(context, _flags, { certificateTask, nginxHttpsTask, nginxHttpTask }) {
    const nginxHttp = nginxHttpTask(context)
    // certbot certonly --webroot --cert-name DOMAIN --domain DOMAIN --domain www.DOMAIN
    const certificate = certificateTask(context, { nginxHttp })
    // So that a new certificate is served immediately.
    const nginxHttps = nginxHttpsTask(context, { nginxHttp, certificate })
    return [nginxHttp, certificate, nginxHttps]
  },
})

export default script
if (isMain(import.meta)) await script.start()
