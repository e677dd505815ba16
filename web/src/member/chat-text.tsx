// What a model wrote, as it is: paragraphs, and code between ``` fences. Nothing of it becomes markup.
import { useMemo } from "preact/hooks";

interface Part {
    code: boolean;
    lang: string;
    text: string;
}
function parts(text: string): Part[] {
    const out: Part[] = [];
    text.split(/^```/m).forEach((piece, i) => {
        if (i % 2) {
            const line = piece.indexOf("\n");
            const lang = (line < 0 ? piece : piece.slice(0, line)).trim();
            out.push({ code: true, lang, text: line < 0 ? "" : piece.slice(line + 1).replace(/\n$/, "") });
        } else if (piece.trim()) out.push({ code: false, lang: "", text: piece.trim() });
    });
    return out;
}

export function Generated({ text, live = false }: { text: string; live?: boolean }) {
    const list = useMemo(() => parts(text), [text]);
    return (
        <div class={`model-text${live ? " live" : ""}`} dir="auto">
            {list.map((p, i) =>
                p.code ? (
                    <pre key={i} tabIndex={0} dir="ltr">
                        {p.lang && <span class="code-lang">{p.lang}</span>}
                        <code>{p.text}</code>
                    </pre>
                ) : (
                    p.text.split(/\n{2,}/).map((line, k) => <p key={`${i}.${k}`}>{line}</p>)
                ),
            )}
        </div>
    );
}
