// The feed (ARIA feed pattern): older posts are appended in place, new ones wait behind a button, j and k move between
// articles, Page Up and Page Down too. The list under the reader never jumps.
import { t } from "./i18n";
import { fetchPage, say } from "./page";

const feed = (): HTMLElement | null => document.querySelector(".feed");
const articles = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(".feed .post, .thread .post, .sources .post")];

export function moveInFeed(by: 1 | -1): void {
    const all = articles();
    if (!all.length) return;
    const here = all.findIndex((a) => a.contains(document.activeElement));
    const next = all[here < 0 ? (by > 0 ? 0 : all.length - 1) : here + by];
    if (!next) return;
    next.focus();
    next.scrollIntoView({ block: "nearest" });
}

export function openCurrent(): void {
    const here = articles().find((a) => a.contains(document.activeElement));
    here?.querySelector<HTMLAnchorElement>("a.when")?.click();
}

export function revealCurrent(): void {
    const here = articles().find((a) => a.contains(document.activeElement));
    const warned = here?.querySelector<HTMLDetailsElement>("details.warned");
    if (warned) warned.open = !warned.open;
}

export function showNewPosts(): void {
    document.querySelector<HTMLButtonElement>("#new-posts button")?.click();
}

function renumber(): void {
    articles().forEach((a, i) => a.setAttribute("aria-posinset", String(i + 1)));
}

async function appendOlder(link: HTMLAnchorElement): Promise<void> {
    const list = feed();
    if (!list) return;
    const words = link.textContent;
    link.textContent = t("loading");
    list.setAttribute("aria-busy", "true");
    try {
        const page = await fetchPage(link.href);
        const before = list.children.length;
        for (const post of page.querySelectorAll(".feed > .post")) list.append(document.importNode(post, true));
        const next = page.querySelector<HTMLAnchorElement>('.pager a[rel="next"]');
        if (next) {
            link.href = next.href;
            link.textContent = words;
        } else {
            const focused = document.activeElement === link;
            link.remove(); // the keyboard's place goes on to the first post that came
            if (focused) (list.children[before] as HTMLElement | undefined)?.focus();
        }
        renumber();
    } catch {
        link.textContent = words;
        say(t("failed"));
    } finally {
        list.setAttribute("aria-busy", "false");
    }
}

function takeOverPager(): void {
    document.querySelector(".pager")?.addEventListener("click", (event) => {
        const link = (event.target as Element).closest<HTMLAnchorElement>('a[rel="next"]');
        if (!link || (event as MouseEvent).ctrlKey || (event as MouseEvent).metaKey) return;
        event.preventDefault();
        void appendOlder(link);
    });
}

function pageKeys(): void {
    document.addEventListener("keydown", (event) => {
        if (event.key !== "PageDown" && event.key !== "PageUp") return;
        if (!articles().some((a) => a.contains(document.activeElement))) return;
        event.preventDefault();
        moveInFeed(event.key === "PageDown" ? 1 : -1);
    });
}

async function newerThan(newest: string): Promise<HTMLElement[]> {
    const page = await fetchPage("/");
    const posts = [...page.querySelectorAll<HTMLElement>(".feed > .post")];
    return posts.filter((p) => BigInt(p.dataset.id ?? "0") > BigInt(newest || "0"));
}

// Every half minute while the page is seen, only on the first page of the timeline.
function watchForNews(): void {
    const place = document.querySelector<HTMLElement>("#new-posts");
    if (!place) return;
    setInterval(async () => {
        if (document.hidden || place.firstChild) return;
        try {
            const fresh = await newerThan(articles()[0]?.dataset.id ?? "0");
            if (!fresh.length) return;
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = t("new_posts");
            button.addEventListener("click", () => {
                const list = feed();
                // A whole page of news may not reach down to what is here: a gap must not look like none.
                if (!list || fresh.length >= 20) return location.reload();
                list.prepend(...fresh.map((p) => document.importNode(p, true)));
                place.replaceChildren();
                renumber();
                articles()[0]?.focus();
            });
            place.replaceChildren(button);
        } catch {
            // The server is away: the next round asks again, and what is on the page stays.
        }
    }, 30_000);
}

export function startFeed(): void {
    takeOverPager();
    pageKeys();
    watchForNews();
}
