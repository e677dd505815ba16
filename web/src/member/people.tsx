// Lists of accounts, and the button that follows one.
import { signal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { t } from "../i18n";
import { me, page, send, type Params } from "./api";
import { Name } from "./content";
import { keepRelation, relate, relation, tell } from "./state";
import { Avatar, profilePath } from "./status";
import type { Account, Relationship } from "./types";

export function FollowButton({ of }: { of: Account }) {
    const r = relation(of.id).value;
    if (of.id === me || !r) return null;
    if (r.blocking)
        return (
            <button type="button" class="quiet" onClick={() => void relate(of.id, "unblock")}>
                {t("unblock", { name: "" })}
            </button>
        );
    const on = r.following || r.requested;
    const press = (): void => {
        if (r.requested && !r.following && !confirm(t("withdraw_sure"))) return;
        keepRelation({ ...r, following: !on && !of.locked, requested: !on && of.locked });
        void relate(of.id, on ? "unfollow" : "follow");
    };
    return (
        <button type="button" class={on ? "quiet" : "primary"} aria-pressed={on} onClick={press}>
            {t(r.requested ? "requested" : r.following ? "following" : r.followed_by ? "follow_back" : "follow")}
        </button>
    );
}

export function Person({ a, children }: { a: Account; children?: preact.ComponentChildren }) {
    return (
        <li class="person">
            <a class="who" href={profilePath(a)}>
                <Avatar account={a} />
                <span class="names">
                    <b>
                        <Name account={a} />
                    </b>{" "}
                    <span class="handle">@{a.acct}</span>
                    {a.note && (
                        <span class="note-line small two-lines">
                            <Plain html={a.note} />
                        </span>
                    )}
                </span>
            </a>
            {children ?? <FollowButton of={a} />}
        </li>
    );
}

// Only the words: links would not work inside a link.
function Plain({ html }: { html: string }) {
    const text = useMemo(() => new DOMParser().parseFromString(html.replace(/<br ?\/?>|<\/p>/g, " "), "text/html").body.textContent ?? "", [html]);
    return <>{text}</>;
}

interface Loaded {
    items: Account[];
    next: string | null;
    busy: boolean;
}

export function People({ path, params, empty, row }: { path: string; params?: Params; empty?: string; row?: (a: Account, drop: () => void) => preact.ComponentChildren }) {
    const at: Signal<Loaded> = useMemo(() => signal<Loaded>({ items: [], next: null, busy: true }), [path]);
    const more = async (from: string, p?: Params): Promise<void> => {
        at.value = { ...at.value, busy: true };
        try {
            const got = await page<Account>(from, p);
            at.value = { items: [...at.value.items, ...got.items], next: got.next, busy: false };
        } catch (error) {
            at.value = { ...at.value, busy: false };
            tell(error);
        }
    };
    useEffect(() => void more(path, { limit: 40, ...params }), [path]);
    const now = at.value;
    return (
        <>
            <ul class="card people">
                {now.items.map((a) => (
                    <Person key={a.id} a={a}>
                        {row?.(a, () => (at.value = { ...at.value, items: at.value.items.filter((x) => x.id !== a.id) }))}
                    </Person>
                ))}
                {!now.busy && !now.items.length && <li class="empty">{empty ?? t("nobody_here")}</li>}
                {now.busy && <li class="small">{t("loading")}</li>}
            </ul>
            {now.next && !now.busy && (
                <button type="button" class="quiet" onClick={() => void more(now.next as string)}>
                    {t("more_people")}
                </button>
            )}
        </>
    );
}

export async function answerRequest(id: string, yes: boolean): Promise<boolean> {
    try {
        keepRelation(await send<Relationship>("POST", `/api/v1/follow_requests/${id}/${yes ? "authorize" : "reject"}`));
        return true;
    } catch (error) {
        tell(error);
        return false;
    }
}

