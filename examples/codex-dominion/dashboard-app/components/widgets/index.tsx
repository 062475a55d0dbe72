import type { Widget } from '@/data/types'
import { AskWidget } from './ask'
import { BreakdownWidget } from './breakdown'
import { TableWidget } from './data-table'
import { NotesWidget, StepsWidget } from './guidance'
import { ProbeWidget } from './probe'
import { RunWidget } from './run'
import { StatsWidget } from './stats'
import { TrendWidget } from './trend'

function WidgetView({ widget }: { widget: Widget }) {
  switch (widget.kind) {
    case 'stats':
      return <StatsWidget items={widget.items} />
    case 'table':
      return <TableWidget widget={widget} />
    case 'breakdown':
      return <BreakdownWidget widget={widget} />
    case 'trend':
      return <TrendWidget widget={widget} />
    case 'probe':
      return <ProbeWidget widget={widget} />
    case 'run':
      return <RunWidget widget={widget} />
    case 'ask':
      return <AskWidget widget={widget} />
    case 'steps':
      return <StepsWidget widget={widget} />
    case 'notes':
      return <NotesWidget widget={widget} />
  }
}

/** The widgets of a page, one below the other. */
export function Widgets({ widgets }: { widgets: Widget[] }) {
  return (
    <div className="space-y-4 sm:space-y-5">
      {widgets.map((widget, index) => (
        <WidgetView key={`${widget.kind}-${index}`} widget={widget} />
      ))}
    </div>
  )
}
