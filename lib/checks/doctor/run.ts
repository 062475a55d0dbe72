import { openArm } from '../../azure/arm.ts'
import { createAzure } from '../../azure/client.ts'
import type { Context } from '../../tasks/context.ts'
import { exitCode } from '../../util/errors.ts'
import { type Finding, judgedFailure, worstVerdict } from '../../util/status.ts'
import { azureCli } from './azureCli.ts'
import { azureLogin } from './azureLogin.ts'
import { azurePermissions } from './azurePermissions.ts'
import { backendPort } from './backendPort.ts'
import { certificateLifetime } from './certificateLifetime.ts'
import type { Category, Check, CheckContext } from './check.ts'
import { clock } from './clock.ts'
import { containerCores } from './containerCores.ts'
import { databaseTools } from './databaseTools.ts'
import { databaseTransport } from './databaseTransport.ts'
import { disk } from './disk.ts'
import { dnsRecords } from './dnsRecords.ts'
import { node } from './node.ts'
import { nodeRetirement } from './nodeRetirement.ts'
import { npm } from './npm.ts'
import { postgresRetirement } from './postgresRetirement.ts'
import { providers } from './providers.ts'
import { redisRetirement } from './redisRetirement.ts'
import { redisState } from './redisState.ts'
import { servedCertificate } from './servedCertificate.ts'
import { sitePorts } from './sitePorts.ts'
import { storedCertificate } from './storedCertificate.ts'
import { systemRetirement } from './systemRetirement.ts'
import { vpsLogin } from './vpsLogin.ts'
import { vpsServices } from './vpsServices.ts'

export interface Examined extends Finding {
  category: Category
}

/** Looks at everything at once; nothing is changed, and one check that fails stops no other. */
export async function examine(
  context: Context,
  chosen: readonly Category[],
  stop: AbortSignal,
): Promise<Examined[]> {
  const bench: CheckContext = {
    context,
    azure: createAzure(context),
    arm: openArm(context, stop),
    now: new Date(),
  }
  return Promise.all(
    checks.filter(({ category }) => chosen.includes(category)).map((check) => examineOne(check, bench)),
  )
}

async function examineOne(check: Check, bench: CheckContext): Promise<Examined> {
  const { id, title, category, next } = check
  const judged = await check.look(bench).catch(judgedFailure)
  // Nothing stands between us and a program of this machine: one that does not answer is not there.
  if (category === 'tools' && judged.verdict === 'UNKNOWN') judged.verdict = 'CRITICAL'
  // What helps when it is wrong does not help when it could not be looked at.
  const help = judged.verdict === 'UNKNOWN' ? judged.next : (judged.next ?? next)
  const advice = judged.verdict === 'OK' || !help ? {} : { next: help }
  return { id, category, title, verdict: judged.verdict, detail: judged.detail, ...advice }
}

/** 0 all well, 1 something is wrong or will be, 3 something could not be known. */
export function exitCodeOfFindings(findings: readonly Finding[]): number {
  const verdict = worstVerdict(findings)
  if (verdict === 'OK') return exitCode.done
  return verdict === 'UNKNOWN' ? exitCode.unknown : exitCode.failed
}

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
