// Lists of people whose posts one reads apart from the others.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { get, send } from "./api";
import { Icon } from "./icons";
import { People } from "./people";
import type { RouteProps } from "./router";
import { PageTitle } from "./shell";
import { show, tell } from "./state";

interface List {
    id: string;
    title: string;
    replies_policy: "followed" | "list" | "none";
    exclusive: boolean;
}
const lists = signal<List[]>([]);

const load = (): void => void get<List[]>("/api/v1/lists").then((l) => (lists.value = l), tell);

async function change(l: List, part: Partial<List>): Promise<void> {
    try {
        const next = await send<List>("PUT", `/api/v1/lists/${l.id}`, { ...l, ...part });
        lists.value = lists.value.map((x) => (x.id === l.id ? next : x));
    } catch (error) {
        tell(error);
    }
}

function Editor({ l, add }: { l: List; add: string | null }) {
    const [open, setOpen] = useState(false);
    const remove = async (): Promise<void> => {
        if (!confirm(t("list_delete_sure", { name: l.title }))) return;
        await send("DELETE", `/api/v1/lists/${l.id}`).then(load, tell);
    };
    const put = async (): Promise<void> => {
        try {
            await send("POST", `/api/v1/lists/${l.id}/accounts`, { account_ids: [add] });
            show(t("list_added", { name: l.title }));
        } catch (error) {
            tell(error);
        }
    };
    return (
        <li class="list-line">
            <div class="row">
                <a class="grow" href={`/lists/${l.id}`}>
                    <Icon name="list" /> <b dir="auto">{l.title}</b>
                </a>
                {add && (
                    <button type="button" class="primary" onClick={() => void put()}>
                        {t("add")}
                    </button>
                )}
                <button type="button" class="tool" aria-expanded={open} aria-label={t("settings")} onClick={() => setOpen(!open)}>
                    <Icon name="gear" />
                </button>
            </div>
            {open && (
                <div class="list-settings">
                    <label class="row">
                        {t("name")}
                        <input value={l.title} maxLength={255} onChange={(e) => void change(l, { title: e.currentTarget.value })} />
                    </label>
                    <label class="row">
                        {t("list_replies")}
                        <select value={l.replies_policy} onChange={(e) => void change(l, { replies_policy: e.currentTarget.value as List["replies_policy"] })}>
                            <option value="list">{t("list_replies_list")}</option>
                            <option value="followed">{t("list_replies_followed")}</option>
                            <option value="none">{t("list_replies_none")}</option>
                        </select>
                    </label>
                    <label class="check">
                        <input type="checkbox" checked={l.exclusive} onChange={(e) => void change(l, { exclusive: e.currentTarget.checked })} /> {t("list_exclusive")}
                    </label>
                    <People
                        path={`/api/v1/lists/${l.id}/accounts`}
                        empty={t("list_nobody")}
                        row={(a, drop) => (
                            <button type="button" class="quiet" onClick={() => void send("DELETE", `/api/v1/lists/${l.id}/accounts`, { account_ids: [a.id] }).then(drop, tell)}>
                                {t("remove")}
                            </button>
                        )}
                    />
                    <button type="button" class="quiet danger" onClick={() => void remove()}>
                        {t("delete")}
                    </button>
                </div>
            )}
        </li>
    );
}

export function Lists({ query }: RouteProps) {
    const [title, setTitle] = useState("");
    useEffect(load, []);
    const create = async (): Promise<void> => {
        try {
            const made = await send<List>("POST", "/api/v1/lists", { title });
            lists.value = [...lists.value, made];
            setTitle("");
        } catch (error) {
            tell(error);
        }
    };
    return (
        <>
            <PageTitle title={t("lists")} />
            <form
                class="row card"
                onSubmit={(e) => {
                    e.preventDefault();
                    void create();
                }}
            >
                <input class="grow" value={title} maxLength={255} placeholder={t("list_new")} aria-label={t("list_new")} onInput={(e) => setTitle(e.currentTarget.value)} />
                <button class="primary" disabled={!title.trim()}>
                    {t("make")}
                </button>
            </form>
            <ul class="card people">
                {lists.value.map((l) => (
                    <Editor key={l.id} l={l} add={query.get("add")} />
                ))}
                {!lists.value.length && <li class="empty">{t("lists_empty")}</li>}
            </ul>
        </>
    );
}
