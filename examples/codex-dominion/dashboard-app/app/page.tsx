export default function P() { return <main className="p-4">hi</main> }
