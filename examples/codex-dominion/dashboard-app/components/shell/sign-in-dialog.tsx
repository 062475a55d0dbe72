'use client'

import { type FormEvent, useId, useRef, useState } from 'react'
import { Button } from '@/components/ui/button'
import { Dialog, DialogContent, DialogDescription, DialogTitle } from '@/components/ui/dialog'
import { Input } from '@/components/ui/input'
import { Label } from '@/components/ui/label'
import { isProblem } from '@/lib/api'
import { type Answer, signIn, useSession } from '@/lib/session'

/** The format in which the backend derives it: a mistyped token is detected here, without a request. */
const TOKEN = /^[0-9a-f]{64}$/
const LONGEST_NAME = 40

const REJECTED = 'The backend did not accept this token. Print it again and enter it here.'
const MALFORMED = 'This is not a token. A token has 64 characters: digits and the letters a to f.'

function explain(reason: unknown): string {
  if (!isProblem(reason)) return String(reason)
  return reason.status === 401 ? REJECTED : `${reason.message}. ${reason.advice}`
}

function SignInForm({ answer }: { answer: Answer }) {
  const [name, setName] = useState('')
  const [token, setToken] = useState('')
  const [fault, setFault] = useState('')
  const [busy, setBusy] = useState(false)
  const nameId = useId()
  const tokenId = useId()
  const faultId = useId()

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (busy) return
    if (!TOKEN.test(token.trim())) return setFault(MALFORMED)
    setBusy(true)
    try {
      answer(await signIn(token.trim(), name))
    } catch (reason) {
      setFault(explain(reason))
      setBusy(false)
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)} className="space-y-4">
      <div className="space-y-2">
        <Label htmlFor={nameId}>Your name</Label>
        <Input
          id={nameId}
          autoComplete="username"
          maxLength={LONGEST_NAME}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </div>
      <div className="space-y-2">
        <Label htmlFor={tokenId}>Token</Label>
        <Input
          id={tokenId}
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          value={token}
          aria-invalid={fault !== ''}
          aria-describedby={fault ? faultId : undefined}
          onChange={(event) => {
            setToken(event.target.value)
            setFault('')
          }}
        />
        {fault && (
          <p id={faultId} role="alert" className="text-sm text-destructive">
            {fault}
          </p>
        )}
      </div>
      <div className="flex justify-end gap-2">
        <Button type="button" variant="outline" onClick={() => answer(undefined)}>
          Cancel
        </Button>
        <Button type="submit" disabled={busy || name.trim() === '' || token.trim() === ''}>
          Sign in
        </Button>
      </div>
    </form>
  )
}

/** Asks the operator to sign in when a request needs it (lib/session.ts). Escape cancels. */
export function SignInDialog() {
  const { answer } = useSession()
  // Radix returns the focus to a trigger; this dialog has none, so it remembers which element had the focus.
  const opener = useRef<Element | null>(null)
  return (
    <Dialog open={answer !== undefined} onOpenChange={(open) => !open && answer?.(undefined)}>
      <DialogContent
        data-sign-in-dialog
        onOpenAutoFocus={() => {
          opener.current = document.activeElement
        }}
        onCloseAutoFocus={(event) => {
          event.preventDefault()
          if (opener.current instanceof HTMLElement) opener.current.focus()
        }}
      >
        <DialogTitle>Sign in as the operator</DialogTitle>
        <DialogDescription>
          Only the operator may start workflows and ask the advisor. Print the token in the Codex Dominion Ops
          folder, with <code className="whitespace-nowrap">--env NAME</code> for another environment:
        </DialogDescription>
        <pre className="overflow-x-auto rounded-md bg-muted px-3 py-2 font-mono text-sm">
          npx dominion api-token
        </pre>
        {answer && <SignInForm answer={answer} />}
        <p className="text-xs text-muted-foreground">
          Your name is recorded with what you start. This browser stays signed in for 12 hours.
        </p>
      </DialogContent>
    </Dialog>
  )
}
