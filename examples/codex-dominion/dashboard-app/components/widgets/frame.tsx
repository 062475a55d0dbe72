'use client'

import type { ReactNode } from 'react'
import { Card, CardAction, CardContent, CardDescription, CardHeader, CardTitle } from '@/components/ui/card'
import type { ApiState } from '@/lib/use-api'
import { ErrorState, LoadingRows, ReloadButton } from './states'

type Props = {
  title: string
  note?: string
  state: ApiState & { reload: () => void }
  action?: ReactNode
  children: ReactNode
}

/** A card around one API response: it shows loading and failure itself, so `children` only ever receive data. */
export function ApiCard({ title, note, state, action, children }: Props) {
  return (
    <Card>
      <CardHeader>
        <CardTitle>{title}</CardTitle>
        {note && <CardDescription>{note}</CardDescription>}
        <CardAction className="flex items-center gap-1">
          {action}
          <ReloadButton loading={state.loading} onClick={state.reload} label={title} />
        </CardAction>
      </CardHeader>
      <CardContent className="space-y-4" aria-busy={state.loading}>
        {state.problem && <ErrorState problem={state.problem} onRetry={state.reload} />}
        {state.data ? children : !state.problem && <LoadingRows />}
      </CardContent>
    </Card>
  )
}
