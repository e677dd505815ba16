/* Conversations with a language model as rows: a tree of turns, whose they are, and that they go. */
#include "contract/store.h"
#include "store/chats.h"
#include "store/erase.h"

static mn_chat chat(uint64_t id, uint64_t account, int64_t at_ms)
{
    return (mn_chat){.id = id,
                     .account_id = account,
                     .title = MN_STR("of birds"),
                     .model = MN_STR("smollm2"),
                     .system = MN_STR(""),
                     .created_ms = at_ms,
                     .updated_ms = at_ms};
}

static mn_chat_turn turn(uint64_t id, uint64_t chat_id, uint64_t parent, mn_chat_role role)
{
    return (mn_chat_turn){.id = id,
                          .chat_id = chat_id,
                          .parent = parent,
                          .role = role,
                          .content = MN_STR("grüße 世界 \\ '\"\n"),
                          .model = role == MN_CHAT_MODEL ? MN_STR("smollm2") : MN_STR(""),
                          .created_ms = (int64_t)id,
                          .tokens = role == MN_CHAT_MODEL ? 7 : 0,
                          .end = role == MN_CHAT_MODEL ? MN_CHAT_STOPPED : MN_CHAT_WHOLE};
}

static void two_members(void)
{
    mn_chat a = chat(10, 1, 100), b = chat(11, 1, 300), other = chat(12, 2, 200);
    add_account(1, "ada");
    add_account(2, "bob");
    TX(mn_store_chat_add(tx, &a, &e));
    TX(mn_store_chat_add(tx, &b, &e));
    TX(mn_store_chat_add(tx, &other, &e));
}

static void a_chat_is_its_members_alone(void **state)
{
    (void)state;
    mn_chat c, *list;
    size_t n;
    uint64_t count = 0;
    two_members();
    RUN(mn_store_chat(s, 1, 10, &ar, &c, &e));
    IS(c.title, "of birds");
    IS(c.model, "smollm2");
    FAILS(MN_E_NOT_FOUND, mn_store_chat(s, 2, 10, &ar, &c, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_chat(s, 1, 99, &ar, &c, &e));
    RUN(mn_store_chats(s, 1, 0, 10, &ar, &list, &n, &e));
    OK(n == 2 && list[0].id == 11 && list[1].id == 10);
    RUN(mn_store_chats(s, 1, 300, 10, &ar, &list, &n, &e));
    OK(n == 1 && list[0].id == 10);
    RUN(mn_store_chats_by_id(s, 1, 10, 10, &ar, &list, &n, &e));
    OK(n == 1 && list[0].id == 11);
    RUN(mn_store_chats_count(s, 1, &count, &e));
    OK(count == 2);
    RUN(mn_store_chat_owner(s, 12, &count, &e));
    OK(count == 2);
    RUN(mn_store_chat_owner(s, 99, &count, &e));
    OK(count == 0);
    c = chat(12, 1, 5);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_chat_update(tx, &c, &e));
    TX_FAILS(MN_E_NOT_FOUND, mn_store_chat_remove(tx, 1, 12, &e));
    mn_chat_turn t = turn(50, 12, 0, MN_CHAT_USER);
    TX_FAILS(MN_E_NOT_FOUND, mn_store_chat_turn_add(tx, 1, &t, &e));
    RUN(mn_store_chat(s, 2, 12, &ar, &c, &e));
    OK(c.head == 0 && c.updated_ms == 200);
}

static void turns_are_a_tree_and_the_last_one_is_the_head(void **state)
{
    (void)state;
    mn_chat c;
    mn_chat_turn *list;
    size_t n;
    two_members();
    const mn_chat_turn turns[] = {
        turn(400, 10, 0, MN_CHAT_USER), turn(401, 10, 400, MN_CHAT_MODEL),
        turn(402, 10, 400, MN_CHAT_MODEL), turn(403, 10, 0, MN_CHAT_USER)};
    for (size_t i = 0; i < 4; i++) TX(mn_store_chat_turn_add(tx, 1, &turns[i], &e));
    RUN(mn_store_chat(s, 1, 10, &ar, &c, &e));
    OK(c.head == 403 && c.updated_ms == 403);
    RUN(mn_store_chat_turns(s, 10, &ar, &list, &n, &e));
    OK(n == 4 && list[2].parent == 400 && list[2].role == MN_CHAT_MODEL && list[2].tokens == 7);
    OK(list[2].end == MN_CHAT_STOPPED && list[0].end == MN_CHAT_WHOLE);
    IS(list[3].content, "grüße 世界 \\ '\"\n");
    uint64_t in = 0;
    RUN(mn_store_chat_of_turn(s, 402, &in, &e));
    OK(in == 10);
    RUN(mn_store_chat_of_turn(s, 404, &in, &e));
    OK(in == 0);
    c.head = 402;
    c.title = MN_STR("renamed");
    TX(mn_store_chat_update(tx, &c, &e));
    RUN(mn_store_chat(s, 1, 10, &ar, &c, &e));
    OK(c.head == 402);
    IS(c.title, "renamed");
    TX(mn_store_chat_remove(tx, 1, 10, &e));
    RUN(mn_store_chat_turns(s, 10, &ar, &list, &n, &e));
    OK(n == 0);
}

static void a_chat_takes_only_so_many_turns(void **state)
{
    (void)state;
    two_members();
    mn_tx *all;
    RUN(mn_store_begin(s, &all, &e));
    for (uint64_t i = 0; i < MN_CHAT_TURNS_MAX; i++) {
        mn_chat_turn t = turn(1000 + i, 10, 0, MN_CHAT_USER);
        RUN(mn_store_chat_turn_add(all, 1, &t, &e));
    }
    RUN(mn_store_end(all, MN_OK, &e));
    mn_chat_turn more = turn(9000, 10, 0, MN_CHAT_USER);
    TX_FAILS(MN_E_LIMIT, mn_store_chat_turn_add(tx, 1, &more, &e));
}

static void they_go_with_the_account(void **state)
{
    (void)state;
    mn_chat_turn t = turn(400, 10, 0, MN_CHAT_USER), kept = turn(401, 12, 0, MN_CHAT_USER),
                 *list;
    mn_chat c;
    size_t n;
    bool left = true;
    two_members();
    TX(mn_store_chat_turn_add(tx, 1, &t, &e));
    TX(mn_store_chat_turn_add(tx, 2, &kept, &e));
    while (left) TX(mn_store_account_erase(tx, 1, 1, &left, &e));
    FAILS(MN_E_NOT_FOUND, mn_store_chat(s, 1, 10, &ar, &c, &e));
    RUN(mn_store_chat_turns(s, 10, &ar, &list, &n, &e));
    OK(n == 0);
    RUN(mn_store_chat_turns(s, 12, &ar, &list, &n, &e));
    OK(n == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_chat_is_its_members_alone),
        CASE(turns_are_a_tree_and_the_last_one_is_the_head),
        CASE(a_chat_takes_only_so_many_turns),
        CASE(they_go_with_the_account),
    };
    RUN_ON_ALL(tests);
}
