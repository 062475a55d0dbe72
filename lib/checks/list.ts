import { azureCli } from './azure/cli.ts'
import { containerCores } from './azure/containerCores.ts'
import { containers, containersRunning } from './azure/containers.ts'
import { azureLogin } from './azure/login.ts'
import { azurePermissions } from './azure/permissions.ts'
import { providers } from './azure/providers.ts'
import { queue } from './azure/queue.ts'
import { redis, redisTls } from './azure/redis.ts'
import { redisRetirement } from './azure/redisRetirement.ts'
import { redisState } from './azure/redisState.ts'
import { workerJob } from './azure/workerJob.ts'
import type { Check } from './check.ts'
import { databaseTables, databaseTls } from './database/acceptance.ts'
import { databaseConnection } from './database/connection.ts'
import { postgresRetirement } from './database/postgresRetirement.ts'
import { databaseChecks } from './database/server.ts'
import { databaseTools } from './database/tools.ts'
import { databaseTransport } from './database/transport.ts'
import { node } from './local/node.ts'
import { nodeRetirement } from './local/nodeRetirement.ts'
import { npm } from './local/npm.ts'
import { quickChecks } from './quickChecks.ts'
import { clockForLogins } from './site/clock.ts'
import { dnsRecords } from './site/dns.ts'
import { notFound, pages } from './site/pages.ts'
import { ports } from './site/ports.ts'
import { httpRedirect, wwwRedirect } from './site/redirects.ts'
import { backendPort } from './vps/backendPort.ts'
import { certificateLifetime } from './vps/certificateLifetime.ts'
import { certificateRenewal } from './vps/certificateRenewal.ts'
import { disk, diskForDeploy } from './vps/disk.ts'
import { vpsLogin } from './vps/login.ts'
import { vpsServices } from './vps/nginx.ts'
import { servedCertificate } from './vps/servedCertificate.ts'
import { systemRetirement } from './vps/systemRetirement.ts'

/** Every check, in the order in which it is shown. A new one is a file in this room and a line here or in quickChecks.ts. */
export const checks: readonly Check[] = [
  ...quickChecks,
  httpRedirect,
  wwwRedirect,
  notFound,
  pages,
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
  ports,
  backendPort,
  diskForDeploy,
  vpsServices,
  clockForLogins,
  certificateRenewal,
  servedCertificate,
  nodeRetirement,
  postgresRetirement,
  redisRetirement,
  systemRetirement,
  certificateLifetime,
  disk,
  containers,
  containersRunning,
  databaseConnection,
  redis,
  queue,
  databaseTables,
  databaseTls,
  redisTls,
  workerJob,
  ...databaseChecks,
]
