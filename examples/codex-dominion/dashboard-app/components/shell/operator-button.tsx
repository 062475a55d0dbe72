'use client'

import { LogInIcon, LogOutIcon } from 'lucide-react'
import { useState } from 'react'
import { Button } from '@/components/ui/button'
import { requestSession, type Session, signOut, useSession } from '@/lib/session'

function SignedIn({ session }: { session: Session }) {
  const [failed, setFailed] = useState(false)
  return (
    <>
      <span className="truncate text-sm text-muted-foreground" data-operator>
        {failed ? <span role="alert">You are still signed in: the backend did not answer.</span> : session.name}
      </span>
      <Button variant="ghost" size="sm" onClick={() => signOut(session).catch(() => setFailed(true))}>
        <LogOutIcon aria-hidden />
        <span className="max-sm:sr-only">Sign out</span>
      </Button>
    </>
  )
}

/** Signs the operator in and out; empty until the backend has said who is signed in. */
export function OperatorButton() {
  const { session } = useSession()
  if (session === undefined) return null
  if (session) return <SignedIn session={session} />
  return (
    <Button variant="ghost" size="sm" onClick={() => void requestSession()}>
      <LogInIcon aria-hidden />
      <span className="max-sm:sr-only">Sign in</span>
    </Button>
  )
}
