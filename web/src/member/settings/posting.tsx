// How a new post begins: who reads it, its language, and who may quote it.
import { useState } from "preact/hooks";
import { languages, t } from "../../i18n";
import { send } from "../api";
import { account, show, tell } from "../state";
import type { Account, Visibility } from "../types";

export default function Posting() {
    const source = account.value?.source;
    const [value, setValue] = useState({ privacy: source?.privacy ?? "public", sensitive: !!source?.sensitive, language: source?.language ?? "", quote_policy: source?.quote_policy ?? "public" });
    const save = async (): Promise<void> => {
        try {
            account.value = await send<Account>("PATCH", "/api/v1/accounts/update_credentials", { source: value });
            show(t("saved"));
        } catch (error) {
            tell(error);
        }
    };
    return (
        <form
            class="card settings-form"
            onSubmit={(e) => {
                e.preventDefault();
                void save();
            }}
        >
            <label class="row">
                {t("who_reads")}
                <select value={value.privacy} onChange={(e) => setValue({ ...value, privacy: e.currentTarget.value as Visibility })}>
                    {(["public", "unlisted", "private"] as const).map((v) => (
                        <option key={v} value={v}>
                            {t(`visibility_${v}`)}
                        </option>
                    ))}
                </select>
            </label>
            <label class="row">
                {t("who_quotes")}
                <select value={value.quote_policy} onChange={(e) => setValue({ ...value, quote_policy: e.currentTarget.value })}>
                    {(["public", "followers", "nobody"] as const).map((v) => (
                        <option key={v} value={v}>
                            {t(`quote_${v}`)}
                        </option>
                    ))}
                </select>
            </label>
            <label class="row">
                {t("language")}
                <select value={value.language} onChange={(e) => setValue({ ...value, language: e.currentTarget.value })}>
                    <option value="">{t("found_out")}</option>
                    {Object.entries(languages).map(([code, name]) => (
                        <option key={code} value={code}>
                            {name}
                        </option>
                    ))}
                </select>
            </label>
            <label class="check">
                <input type="checkbox" checked={value.sensitive} onChange={(e) => setValue({ ...value, sensitive: e.currentTarget.checked })} /> {t("always_sensitive")}
            </label>
            <button class="primary">{t("save")}</button>
        </form>
    );
}
