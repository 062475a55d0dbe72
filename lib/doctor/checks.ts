import type { Check } from './check.ts'
import { azureCli } from './checks/azureCli.ts'
import { azureLogin } from './checks/azureLogin.ts'
import { azurePermissions } from './checks/azurePermissions.ts'
import { backendPort } from './checks/backendPort.ts'
import { certificateLifetime } from './checks/certificateLifetime.ts'
import { clock } from './checks/clock.ts'
import { containerCores } from './checks/containerCores.ts'
import { databaseTools } from './checks/databaseTools.ts'
import { databaseTransport } from './checks/databaseTransport.ts'
import { disk } from './checks/disk.ts'
import { dnsRecords } from './checks/dnsRecords.ts'
import { node } from './checks/node.ts'
import { nodeRetirement } from './checks/nodeRetirement.ts'
import { npm } from './checks/npm.ts'
import { postgresRetirement } from './checks/postgresRetirement.ts'
import { providers } from './checks/providers.ts'
import { redisRetirement } from './checks/redisRetirement.ts'
import { redisState } from './checks/redisState.ts'
import { servedCertificate } from './checks/servedCertificate.ts'
import { sitePorts } from './checks/sitePorts.ts'
import { storedCertificate } from './checks/storedCertificate.ts'
import { systemRetirement } from './checks/systemRetirement.ts'
import { vpsLogin } from './checks/vpsLogin.ts'
import { vpsServices } from './checks/vpsServices.ts'

/** Every check, in the order they are shown. A new one is a file in checks/ and a line here. */
export const checks: readonly Check[] = [
  node,
  npm,
  azureCli,
  databaseTools,
  azureLogin,
  azurePermissions,
  vpsLogin,
  providers,
  containerCores,
  databaseTransport,
  redisState,
  dnsRecords,
  sitePorts,
  backendPort,
  disk,
  vpsServices,
  clock,
  storedCertificate,
  servedCertificate,
  nodeRetirement,
  postgresRetirement,
  redisRetirement,
  systemRetirement,
  certificateLifetime,
]
