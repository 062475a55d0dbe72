#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'issue-certificate',
  summary: 'Obtain the certificate for DOMAIN and www.DOMAIN if it is missing or about to expire',
  needsVps: true,
  tasks(context, _flags, { certificateTask, nginxHttpsTask, nginxHttpTask, onEachServer }) {
    const nginxHttp = onEachServer(context, (each) => nginxHttpTask(each))
    const certified = onEachServer(context, (each, index) => {
      // certbot certonly --webroot --cert-name DOMAIN --domain DOMAIN --domain www.DOMAIN
      const certificate = certificateTask(each, { nginxHttp })
      // So that a new certificate is served immediately.
      return [certificate, nginxHttpsTask(each, { nginxHttp: nginxHttp[index], certificate })]
    })
    return [...nginxHttp, ...certified]
  },
})

export default script
if (isMain(import.meta)) await script.start()
