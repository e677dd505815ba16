// Who one is to others: name, words, pictures, fields.
import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { send, upload } from "../api";
import { account, show, tell } from "../state";
import { Face } from "../status";
import type { Account } from "../types";

export default function Profile() {
    const a = account.value;
    const [busy, setBusy] = useState(false);
    const [name, setName] = useState(a?.display_name ?? "");
    const [note, setNote] = useState(a?.source?.note ?? "");
    const [fields, setFields] = useState(() => [0, 1, 2, 3].map((i) => ({ name: a?.source?.fields[i]?.name ?? "", value: a?.source?.fields[i]?.value ?? "" })));
    const [flags, setFlags] = useState({ locked: !!a?.locked, bot: !!a?.bot, discoverable: !!a?.discoverable, hide_collections: !!a?.hide_collections });
    if (!a) return null;
    const save = async (): Promise<void> => {
        setBusy(true);
        try {
            account.value = await send<Account>("PATCH", "/api/v1/accounts/update_credentials", { display_name: name, note, fields_attributes: fields, ...flags });
            show(t("saved"));
        } catch (error) {
            tell(error);
        }
        setBusy(false);
    };
    const picture = async (which: "avatar" | "header", file: File | undefined): Promise<void> => {
        if (!file) return;
        const form = new FormData();
        form.append(which, file);
        setBusy(true);
        try {
            account.value = await upload<Account>("PATCH", "/api/v1/accounts/update_credentials", form);
            show(t("saved"));
        } catch (error) {
            tell(error);
        }
        setBusy(false);
    };
    const flag = (key: keyof typeof flags, label: string, about: string) => (
        <label class="check two-line-check">
            <input type="checkbox" checked={flags[key]} onChange={(e) => setFlags({ ...flags, [key]: e.currentTarget.checked })} />
            <span>
                {label}
                <span class="small">{about}</span>
            </span>
        </label>
    );
    return (
        <form
            class="card settings-form"
            onSubmit={(e) => {
                e.preventDefault();
                void save();
            }}
        >
            <div class="row pictures">
                <label>
                    {t("avatar")}
                    <Face account={a} size=" big-face" />
                    <input type="file" accept="image/*" disabled={busy} onChange={(e) => void picture("avatar", e.currentTarget.files?.[0])} />
                </label>
                <label>
                    {t("banner")}
                    {a.header.endsWith("missing.png") ? <span class="banner-small" /> : <img class="banner-small" src={a.header} alt="" />}
                    <input type="file" accept="image/*" disabled={busy} onChange={(e) => void picture("header", e.currentTarget.files?.[0])} />
                </label>
            </div>
            <label>
                {t("display_name")}
                <input value={name} maxLength={30} dir="auto" onInput={(e) => setName(e.currentTarget.value)} />
            </label>
            <label>
                {t("about_me")}
                <textarea rows={4} maxLength={500} dir="auto" value={note} onInput={(e) => setNote(e.currentTarget.value)} />
            </label>
            <fieldset>
                <legend>{t("fields")}</legend>
                <p class="small">{t("fields_hint")}</p>
                {fields.map((f, i) => (
                    <div key={i} class="row">
                        <input aria-label={t("field_name", { n: i + 1 })} placeholder={t("field_name", { n: i + 1 })} maxLength={255} value={f.name} onInput={(e) => setFields(fields.map((x, k) => (k === i ? { ...x, name: e.currentTarget.value } : x)))} />
                        <input class="grow" aria-label={t("field_value", { n: i + 1 })} placeholder={t("field_value", { n: i + 1 })} maxLength={255} value={f.value} onInput={(e) => setFields(fields.map((x, k) => (k === i ? { ...x, value: e.currentTarget.value } : x)))} />
                    </div>
                ))}
            </fieldset>
            {flag("locked", t("locked"), t("locked_about"))}
            {flag("discoverable", t("discoverable"), t("discoverable_about"))}
            {flag("hide_collections", t("hide_collections"), t("hide_collections_about"))}
            {flag("bot", t("bot"), t("bot_about"))}
            <button class="primary" disabled={busy}>
                {t("save")}
            </button>
        </form>
    );
}
