import type { Column } from './types'

/** Columns that several pages share. */
export const workflowColumns: Column[] = [
  { field: 'name', label: 'Workflow' },
  { field: 'status', label: 'Status', format: 'status' },
  { field: 'runs', label: 'Runs', format: 'number', align: 'right' },
  { field: 'last_run_at', label: 'Last run', format: 'ago', align: 'right' },
]

export const runColumns: Column[] = [
  { field: 'workflow', label: 'Workflow' },
  { field: 'by', label: 'Started by' },
  { field: 'at', label: 'Started', format: 'ago' },
  { field: 'from_address', label: 'From', format: 'mono' },
]

export const councilColumns: Column[] = [
  { field: 'name', label: 'Council' },
  { field: 'purpose', label: 'Purpose' },
  { field: 'agents', label: 'Agents', format: 'number', align: 'right' },
]

export const agentColumns: Column[] = [
  { field: 'name', label: 'Agent' },
  { field: 'role', label: 'Role' },
  { field: 'council_id', label: 'Council', format: 'council' },
  { field: 'status', label: 'Status', format: 'status', align: 'right' },
]

export const metricColumns: Column[] = [
  { field: 'name', label: 'Figure', format: 'mono' },
  { field: 'note', label: 'Note' },
  { field: 'value', label: 'Value', format: 'measure', align: 'right' },
  { field: 'recorded_at', label: 'Recorded', format: 'ago', align: 'right' },
]

export const capsuleColumns: Column[] = [
  { field: 'title', label: 'Capsule' },
  { field: 'topic', label: 'Topic' },
  { field: 'council', label: 'Kept by' },
  { field: 'updated_at', label: 'Updated', format: 'ago', align: 'right' },
]
