'use client'

import { LogInIcon, LogOutIcon } from 'lucide-react'
import { useState } from 'react'
import { Button } from '@/components/ui/button'
import { requestSession, signOut, useSession } from '@/lib/session'

/** Signs the operator in and out; empty until the backend has said who is signed in. */
export function OperatorButton() {
  const { session } = useSession()
  const [failed, setFailed] = useState(false)
  if (session === undefined) return null
  const act = () => (session ? signOut(session).catch(() => setFailed(true)) : requestSession())
  return (
    <>
      {session && (
        <span className="truncate text-sm text-muted-foreground" data-operator>
          {failed ? (
            <span role="alert">You are still signed in: the backend did not answer.</span>
          ) : (
            session.name
          )}
        </span>
      )}
      {/* One button for both, so that the dialog returns the focus to one that is still there. */}
      <Button variant="ghost" size="sm" onClick={() => void act()}>
        {session ? <LogOutIcon aria-hidden /> : <LogInIcon aria-hidden />}
        <span className="max-sm:sr-only">{session ? 'Sign out' : 'Sign in'}</span>
      </Button>
    </>
  )
}
