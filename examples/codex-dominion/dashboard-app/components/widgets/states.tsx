'use client'

import { CircleAlertIcon, InboxIcon, RotateCwIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button } from '@/components/ui/button'
import { Skeleton } from '@/components/ui/skeleton'
import type { ApiProblem } from '@/lib/api'
import { cn } from '@/lib/utils'

/** Placeholder lines until the first response arrives. */
export function LoadingRows({ rows = 4 }: { rows?: number }) {
  return (
    <div className="space-y-3 py-1" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} className="h-5" style={{ width: `${92 - row * 11}%` }} />
      ))}
    </div>
  )
}

export function EmptyState({ children }: { children: ReactNode }) {
  return (
    <div className="flex items-center gap-3 rounded-lg border border-dashed px-4 py-5 text-sm text-muted-foreground">
      <InboxIcon className="size-4 shrink-0" aria-hidden />
      {children}
    </div>
  )
}

export function ErrorState({ problem, onRetry }: { problem: ApiProblem; onRetry?: () => void }) {
  return (
    <div
      role="alert"
      className="flex flex-wrap items-center gap-x-4 gap-y-3 rounded-lg border border-destructive/25 bg-destructive/5 px-4 py-3 text-sm"
    >
      <CircleAlertIcon className="size-4 shrink-0 text-destructive" aria-hidden />
      <div className="min-w-0 flex-1 basis-52">
        <p className="font-medium [overflow-wrap:anywhere]">{problem.message}</p>
        <p className="text-muted-foreground">{problem.advice}</p>
      </div>
      {onRetry && (
        <Button variant="outline" size="sm" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  )
}

export function ReloadButton({
  loading,
  onClick,
  label,
}: {
  loading: boolean
  onClick: () => void
  label: string
}) {
  return (
    <Button
      variant="ghost"
      size="icon"
      className="-my-1.5 size-8 text-muted-foreground"
      onClick={onClick}
      disabled={loading}
      aria-label={`Reload ${label}`}
    >
      <RotateCwIcon className={cn(loading && 'animate-spin')} />
    </Button>
  )
}
