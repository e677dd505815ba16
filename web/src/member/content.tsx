// The HTML of a post as elements: an allow-list, so that nothing but text, paragraphs and links can come of it, whatever the
// server sent. Mentions and hashtags lead to pages of the app; emoji codes in text become pictures.
import type { ComponentChildren, VNode } from "preact";
import type { Emoji, Status } from "./types";

const inline = new Set(["b", "strong", "i", "em", "u", "s", "del", "code", "ruby", "rt", "rp"]);
const block = new Set(["p", "blockquote", "pre", "ul", "ol", "li"]);

export function withEmoji(text: string, emojis: Emoji[]): ComponentChildren {
    if (!emojis.length || !text.includes(":")) return text;
    return text.split(/(:\w+:)/).map((part) => {
        const hit = emojis.find((e) => part === `:${e.shortcode}:`);
        return hit ? <img class="emoji" src={hit.url} alt={part} title={part} loading="lazy" draggable={false} /> : part;
    });
}

type Place = Pick<Status, "mentions" | "emojis">;

function anchor(a: Element, kids: ComponentChildren, place: Place): VNode {
    const href = a.getAttribute("href") ?? "";
    const kind = a.getAttribute("class") ?? "";
    const mention = place.mentions.find((m) => m.url === href);
    if (mention) {
        return (
            <a href={`/@${mention.acct}`} class="mention">
                {kids}
            </a>
        );
    }
    if (/\bhashtag\b/.test(kind) || a.getAttribute("rel") === "tag") {
        const tag = (a.textContent ?? "").replace(/^#/, "");
        return <a href={`/tags/${encodeURIComponent(tag)}`}>{kids}</a>;
    }
    if (!/^https?:\/\//.test(href)) return <>{kids}</>;
    return (
        <a href={href} rel="nofollow noopener ugc" target="_blank" title={href} translate={false}>
            {kids}
        </a>
    );
}

function walk(node: Node, place: Place, key: number): ComponentChildren {
    if (node.nodeType === Node.TEXT_NODE) return withEmoji(node.textContent ?? "", place.emojis);
    if (!(node instanceof Element)) return null;
    const tag = node.localName;
    if (tag === "br") return <br key={key} />;
    const kids = [...node.childNodes].map((n, i) => walk(n, place, i));
    if (tag === "a") return anchor(node, kids, place);
    if (tag === "span") {
        const kind = node.getAttribute("class") ?? "";
        if (kind === "invisible") return <span class="invisible">{kids}</span>;
        return kind === "ellipsis" ? <span class="ellipsis">{kids}</span> : <>{kids}</>;
    }
    if (inline.has(tag) || block.has(tag)) {
        const Tag = tag as "p";
        return <Tag key={key}>{kids}</Tag>;
    }
    return tag === "script" || tag === "style" ? null : <>{kids}</>;
}

export function Content({ html, place }: { html: string; place: Place }) {
    const doc = new DOMParser().parseFromString(html, "text/html");
    return <>{[...doc.body.childNodes].map((n, i) => walk(n, place, i))}</>;
}

export function Name({ account }: { account: { display_name: string; username: string; emojis: Emoji[] } }) {
    return <bdi>{withEmoji(account.display_name || account.username, account.emojis)}</bdi>;
}
