import { expect, test } from 'vitest'
import { deployCommand } from '../../../lib/azure/dataTier.ts'
import type { Command } from '../../../lib/shell/command.ts'
import { type Answer, fakeAz } from '../../support/fakeAz.ts'
import { findSecretFile, getFailure } from '../../support/helpers.ts'

/* What az 2.74 of Debian 13 printed when Azure refused a deployment: each answer is a recording. */

const moduleErrors =
  "ERROR: Error loading command module 'monitor': ord() expected string of length 1, but int found\n" +
  "ERROR: Error loading command module 'rdbms': No module named 'azure.mgmt.rdbms.mysql_flexibleservers'\n"
const hidden: Answer = {
  match: /^deployment group create/,
  stderr: `${moduleErrors}ERROR: The content for this response was already consumed\n`,
  code: 1,
}
const validation = /^rest --method post --url \S+\/deployments\/d1\/validate /

async function deploy(...answers: Answer[]) {
  const az = await fakeAz(...answers)
  const { config } = az.context
  const parameters = {
    location: 'eastus',
    operatorAddress: '198.51.100.7',
    postgresPassword: "Gr8'-password",
  }
  const command = deployCommand(config, 'd1', { ...parameters, postgresCreateMode: 'Default' }, 'sub')
  return {
    ...az,
    command,
    run: (more: Partial<Command> = {}) => az.context.runner.run({ ...command, ...more }),
  }
}

test('a refusal that az hides: ARM is asked for it, and its words and their meaning are shown', async () => {
  const refusal =
    'ERROR: Bad Request({"error":{"code":"InvalidTemplateDeployment","message":"The template deployment failed because of policy violation. Please see details for more information.","details":[{"code":"RequestDisallowedByAzure","target":"codexacr1216","message":"Resource \'codexacr1216\' was disallowed by Azure: This policy maintains a set of best available regions where your subscription can deploy resources."}]}})\n'
  const { run, asked, transcript } = await deploy(hidden, { match: validation, stderr: refusal, code: 1 })
  const failure = await getFailure(run())
  expect(failure).toMatchObject({
    what: 'Azure does not allow this subscription to deploy in this region (policy assignment sys.regionrestriction)',
    said: refusal.trim(),
    exitCode: 1,
  })
  expect(asked().map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
    'az deployment group',
    'az rest --method',
  ])
  expect(transcript()).toContain("Error loading command module 'rdbms'")
  expect(transcript()).toContain('already consumed')
})

test('the question is the deployment itself, with its values in a secret file', async () => {
  const { command } = await deploy()
  const { argv, effect } = command.inquiry!.command
  expect(effect).toBe('read')
  expect(argv).toContain(
    'https://management.azure.com/subscriptions/sub/resourcegroups/codexdominion-prod/providers/Microsoft.Resources/deployments/d1/validate',
  )
  expect(JSON.parse(findSecretFile(argv).content)).toMatchObject({
    properties: {
      mode: 'Incremental',
      template: { contentVersion: '1.0.0.0', resources: expect.any(Array) },
      parameters: {
        location: { value: 'eastus' },
        configuration: { value: 'd1' },
        postgresPassword: { value: "Gr8'-password" },
      },
    },
  })
})

test('an Azure that is busy behind such words is tried again', async () => {
  const busy =
    'ERROR: Too Many Requests({"error":{"code":"TooManyRequests","message":"The request is being throttled as the limit has been reached. Please try again after \'1\' seconds."}})\n'
  const { command, run, asked } = await deploy(hidden, { match: validation, stderr: busy, code: 1 })
  const failure = await getFailure(run({ retry: { ...command.retry!, times: 2, pauseMs: 0 } }))
  expect(failure).toMatchObject({ what: 'az deployment group failed (exit 1)', said: busy.trim() })
  expect(asked()).toHaveLength(4)
})

test('when ARM finds nothing against it either, the message says which az shows the reason', async () => {
  const { run } = await deploy(hidden, { match: validation, stdout: '{"properties":{}}' })
  expect(await getFailure(run())).toMatchObject({
    what: 'Azure refused this, and az does not show why (a defect of az before 2.78)',
    said: 'ERROR: The content for this response was already consumed',
    next: expect.stringContaining('Install az 2.78 or newer'),
  })
})

test('words that az does show are not asked for', async () => {
  const shown = 'ERROR: {"code": "InvalidTemplateDeployment", "message": "See inner errors for details."}\n'
  const { run, asked } = await deploy({ ...hidden, stderr: moduleErrors + shown })
  expect(await getFailure(run())).toMatchObject({ said: shown.trim() })
  expect(asked()).toHaveLength(1)
})

test('the lines of modules that az cannot load are not shown while it runs', async () => {
  const { context, command } = await deploy({ ...hidden, stderr: `${moduleErrors}WARNING: wait\n`, code: 0 })
  const lines: string[] = []
  await context.runner.run(command, (line) => lines.push(line))
  expect(lines).toEqual(['WARNING: wait\n'])
})
