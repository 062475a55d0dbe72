import type { Metadata } from 'next'
import { CouncilChamber } from '@/components/pages/council-chamber'
import { Picture } from '@/components/picture'
import { SectionShell } from '@/components/shell/section-shell'

export const metadata: Metadata = {
  title: 'Councils',
  description: 'Standing bodies that own a purpose and the agents who carry it out.',
}

export default function CouncilsPage() {
  return (
    <SectionShell slug="councils" paths={['/api/agents', '/api/councils']}>
      <Picture
        name="councils"
        alt=""
        sizes="(min-width: 1024px) 60rem, 100vw"
        className="h-36 w-full rounded-xl object-cover object-[50%_85%] sm:h-52"
        priority
      />
      <CouncilChamber />
    </SectionShell>
  )
}
