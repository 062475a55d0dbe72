import { containers, containersRunning } from './azure/containers.ts'
import { queue } from './azure/queue.ts'
import { redis, redisState, redisTls } from './azure/redis.ts'
import {
  azureLogin,
  azureNames,
  azurePermissions,
  azureRegions,
  containerCores,
  providers,
} from './azure/subscription.ts'
import { workerJob } from './azure/workerJob.ts'
import type { Check } from './check.ts'
import { databaseConnection, databaseTransport } from './database/connection.ts'
import { databaseChecks, databaseTables, databaseTls } from './database/server.ts'
import { environmentFiles } from './environmentFiles.ts'
import { quickChecks } from './quickChecks.ts'
import { retirement } from './retirement.ts'
import { secretStrength } from './secretStrength.ts'
import { clockForLogins } from './site/clock.ts'
import { dnsRecords } from './site/dns.ts'
import { notFound, pages } from './site/pages.ts'
import { ports } from './site/ports.ts'
import { httpRedirect, wwwRedirect } from './site/redirects.ts'
import { tools } from './tools.ts'
import { certificateRenewal, servedCertificate } from './vps/certificate.ts'
import { disk, diskForDeploy } from './vps/disk.ts'
import { backendPort, nameServers, vpsLogin, vpsServices } from './vps/server.ts'

/** Every check, in display order. To add one, create a file in this folder and add a line here or in quickChecks.ts. */
export const checks: readonly Check[] = [
  ...quickChecks,
  httpRedirect,
  wwwRedirect,
  notFound,
  pages,
  ...tools,
  environmentFiles,
  secretStrength,
  azureLogin,
  azurePermissions,
  vpsLogin,
  providers,
  azureRegions,
  azureNames,
  containerCores,
  databaseTransport,
  redisState,
  dnsRecords,
  ports,
  backendPort,
  diskForDeploy,
  vpsServices,
  nameServers,
  clockForLogins,
  certificateRenewal,
  servedCertificate,
  ...retirement,
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
