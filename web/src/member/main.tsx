// The app of a signed-in member: it takes over the whole page and shows what the server's page would, alive.
import { render } from "preact";
import { addShortcuts, go as goKey, goBy } from "../keys";
import { get } from "./api";
import { compose } from "./compose-state";
import { go, isOurs, keepServerPage, route, startRouter } from "./router";
import { MenuPage, Shell } from "./shell";
import { loadMe, post, tell, toggle, unread, unreadMessages } from "./state";
import { subscribe } from "./stream";
import { profilePath } from "./status";
import type { Conversation, Status } from "./types";

const pages = () => import("./pages");
const one = <K extends keyof Awaited<ReturnType<typeof pages>>>(name: K) => async () => ({ default: (await pages())[name] });

route("/", one("Home"));
route("/home", one("Home"));
route("/public", one("Public"));
route("/public/:which", one("Public"));
route("/tags/:tag", one("TagPage"));
route("/lists/:id", one("ListPage"));
route("/bookmarks", one("Bookmarks"));
route("/favourites", one("Favourites"));
route("/scheduled", one("Scheduled"));
route("/menu", async () => ({ default: MenuPage }));
route("/notifications", async () => import("./notifications"));
route("/messages", async () => ({ default: (await import("./messages")).Messages }));
route("/messages/:id", async () => ({ default: (await import("./messages")).MessageThread }));
route("/chat", async () => ({ default: (await import("./chat")).Chats }));
route("/chat/:id", async () => ({ default: (await import("./chat")).ChatPage }));
route("/explore", async () => import("./explore"));
route("/lists", async () => ({ default: (await import("./lists")).Lists }));
route("/report/:id", async () => import("./report"));
route("/@:acct", async () => import("./profile"));
route("/@:acct/followers", async () => import("./profile"));
route("/@:acct/following", async () => import("./profile"));
route("/@:acct/media", async () => import("./profile"));
route("/@:acct/with_replies", async () => import("./profile"));
route("/@:acct/:id", async () => import("./thread"));
route("/@:acct/:id/:what", async () => ({ default: (await import("./thread")).Interactions }));
route("/settings", async () => import("./settings"));
route("/settings/:page", async () => import("./settings"));

// The post that has the focus.
function focused(run: (s: Status) => void): () => void {
    return () => {
        const id = document.activeElement?.closest<HTMLElement>("[data-post]")?.dataset.post;
        const s = id ? post(id)?.value : null;
        if (s) run(s);
    };
}

route("/moderation", async () => import("./moderation/index"));
route("/moderation/:page", async () => import("./moderation/index"));
route("/moderation/:page/:id", async () => import("./moderation/index"));

async function countUnread(): Promise<void> {
    const [n, conversations] = await Promise.all([get<{ count: number }>("/api/v2/notifications/unread_count"), get<Conversation[]>("/api/v1/conversations", { limit: 20 })]);
    unread.value = n.count;
    unreadMessages.value = conversations.filter((c) => c.unread).length;
}

export async function startMember(): Promise<void> {
    const root = document.querySelector<HTMLElement>("#main");
    if (!root) return;
    try {
        await loadMe();
    } catch (error) {
        document.body.classList.remove("signed"); // the server's page stays as it is, with its own navigation
        return tell(error);
    }
    document.body.classList.add("member");
    if (!isOurs(location.pathname)) keepServerPage([...root.childNodes]);
    root.replaceChildren();
    goBy(go);
    addShortcuts([
        { keys: "n", label: "key_compose", run: () => compose.write() },
        { keys: "r", label: "key_reply", run: focused((s) => compose.reply(s)) },
        { keys: "f", label: "key_favourite", run: focused((s) => void toggle(s.id, "favourite")) },
        { keys: "b", label: "key_boost", run: focused((s) => void toggle(s.id, "reblog")) },
        { keys: "d", label: "key_bookmark", run: focused((s) => void toggle(s.id, "bookmark")) },
        { keys: "p", label: "key_profile", run: focused((s) => go(profilePath(s.account))) },
        { keys: "g n", label: "key_notifications", run: goKey("/notifications") },
        { keys: "g d", label: "key_messages", run: goKey("/messages") },
        { keys: "g c", label: "key_chat", run: goKey("/chat") },
        { keys: "g e", label: "key_explore", run: goKey("/explore") },
        { keys: "g s", label: "key_settings", run: goKey("/settings") },
    ]);
    render(<Shell />, root);
    startRouter();
    void countUnread().catch(() => undefined);
    subscribe("user:notification", {}, (event) => {
        if (event === "notification") unread.value++;
    });
    subscribe("direct", {}, (event) => {
        if (event === "conversation") void countUnread().catch(() => undefined);
    });
    if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
    navigator.serviceWorker?.addEventListener("message", (event: MessageEvent<{ open?: string }>) => event.data.open && go(event.data.open));
}
