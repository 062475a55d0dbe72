'use client'

import { MenuIcon } from 'lucide-react'
import { useState } from 'react'
import { Button } from '@/components/ui/button'
import { Sheet, SheetContent, SheetDescription, SheetTitle, SheetTrigger } from '@/components/ui/sheet'
import { Nav, type NavSection } from './nav'

export function MobileNav({ sections }: { sections: NavSection[] }) {
  const [open, setOpen] = useState(false)
  return (
    <Sheet open={open} onOpenChange={setOpen}>
      <SheetTrigger asChild>
        <Button variant="ghost" size="icon" className="-ml-2 lg:hidden" aria-label="Open the navigation">
          <MenuIcon aria-hidden />
        </Button>
      </SheetTrigger>
      <SheetContent>
        <SheetTitle className="px-5 pt-4 pb-4 font-display">Pages</SheetTitle>
        <SheetDescription className="sr-only">All sections and pages of the dashboard</SheetDescription>
        <Nav sections={sections} onNavigate={() => setOpen(false)} />
      </SheetContent>
    </Sheet>
  )
}
