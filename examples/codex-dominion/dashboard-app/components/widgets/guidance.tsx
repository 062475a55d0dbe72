import { Card, CardContent, CardHeader, CardTitle } from '@/components/ui/card'
import type { Widget } from '@/data/types'

export function StepsWidget({ widget }: { widget: Extract<Widget, { kind: 'steps' }> }) {
  return (
    <Card>
      <CardHeader>
        <CardTitle>{widget.title}</CardTitle>
      </CardHeader>
      <CardContent>
        <ol className="grid gap-x-8 gap-y-5 md:grid-cols-2">
          {widget.steps.map((step, index) => (
            <li key={step.title} className="flex gap-3.5">
              <span
                className="flex size-7 shrink-0 items-center justify-center rounded-full border border-gold/40 font-display text-sm text-gold"
                aria-hidden
              >
                {index + 1}
              </span>
              <div className="text-sm">
                <p className="font-medium">{step.title}</p>
                <p className="mt-0.5 text-muted-foreground">{step.text}</p>
              </div>
            </li>
          ))}
        </ol>
      </CardContent>
    </Card>
  )
}

export function NotesWidget({ widget }: { widget: Extract<Widget, { kind: 'notes' }> }) {
  return (
    <Card className="border-gold/25 bg-accent/30 shadow-none">
      <CardHeader>
        <CardTitle>{widget.title}</CardTitle>
      </CardHeader>
      <CardContent>
        <ul className="space-y-2 text-sm">
          {widget.items.map((item) => (
            <li key={item} className="flex gap-3">
              <span className="mt-2 size-1.5 shrink-0 rounded-full bg-gold" aria-hidden />
              {item}
            </li>
          ))}
        </ul>
      </CardContent>
    </Card>
  )
}
