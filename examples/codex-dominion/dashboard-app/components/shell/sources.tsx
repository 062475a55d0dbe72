/** Names the API paths that a page uses, so that an operator knows where to look when it is wrong. */
export function Sources({ paths }: { paths: string[] }) {
  if (paths.length === 0) return null
  return (
    <p className="mt-6 flex flex-wrap items-center gap-x-2 gap-y-1.5 text-xs text-muted-foreground">
      Sources:
      {paths.map((path) => (
        <code key={path} className="rounded-sm bg-muted px-1.5 py-0.5 font-mono">
          {path}
        </code>
      ))}
    </p>
  )
}
