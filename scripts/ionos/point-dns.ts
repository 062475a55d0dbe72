#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'point-dns',
  summary: 'Check that DOMAIN and www.DOMAIN point at the VPS; set them if an IONOS API key is configured',
  needsVps: false,
  // GET /v1/zones and GET /v1/zones/ZONE of https://api.hosting.ionos.com/dns, then DELETE /v1/zones/ZONE/records/RECORD for
  // each record that has to go, and PATCH /v1/zones/ZONE with the addresses. It fails while the names point elsewhere.
  tasks: (context, _flags, { dnsTask }) => [dnsTask(context, { required: true })],
})

export default script
if (isMain(import.meta)) await script.start()
