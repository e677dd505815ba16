// What the admin API answers, as far as the console reads it.
import type { Account, Status } from "../types";

export interface AdminAccount {
    id: string;
    username: string;
    domain: string | null;
    created_at: string;
    email: string;
    ip: string | null;
    invite_request: string | null;
    role: { id: string; name: string } | null;
    confirmed: boolean;
    approved: boolean;
    disabled: boolean;
    silenced: boolean;
    suspended: boolean;
    sensitized: boolean;
    plan?: string;
    account: Account;
}
export interface Report {
    id: string;
    action_taken: boolean;
    action_taken_at: string | null;
    category: string;
    comment: string;
    created_at: string;
    account: AdminAccount;
    target_account: AdminAccount;
    assigned_account: AdminAccount | null;
    statuses: Status[];
    rules: { id: string; text: string }[];
}
export interface Warning {
    id: string;
    action: string;
    text: string;
    status_ids: string[] | null;
    target_account: Account;
    appeal: { text: string; state: string } | null;
    created_at: string;
}
export interface Note {
    id: string;
    account_id: string;
    content: string;
    created_at: string;
}
