<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Notices</name>
    <message>
        <source>About {need_gib:,.1f} GiB of memory are needed and {free_gib:,.1f} GiB are free: it will be slow, or fail.</source>
        <translation>メモリが約 {need_gib:,.1f} GiB 必要ですが、空きは {free_gib:,.1f} GiB です。遅くなるか、失敗します。</translation>
    </message>
    <message>
        <source>Sizes are estimated: they are exact when the checkpoint is converted.</source>
        <translation>サイズは見積もりです。チェックポイントを変換すると正確な値になります。</translation>
    </message>
    <message>
        <source>How large the files will be is known when the checkpoint is converted.</source>
        <translation>ファイルのサイズは、チェックポイントを変換すると分かります。</translation>
    </message>
</context>
<context>
    <name>Errors</name>
    <message>
        <source>There is a recipe called “{recipe}” already</source>
        <translation>「{recipe}」というレシピは既にあります</translation>
    </message>
    <message>
        <source>Choose another name, or give --replace-recipe.</source>
        <translation>別の名前にするか、--replace-recipe を指定してください。</translation>
    </message>
    <message>
        <source>There is no recipe called “{recipe}”</source>
        <translation>「{recipe}」というレシピはありません</translation>
    </message>
    <message>
        <source>No recipe is saved under that name.</source>
        <translation>その名前で保存されたレシピはありません。</translation>
    </message>
    <message>
        <source>Run `paddock quantize --recipes` for the list.</source>
        <translation>一覧は `paddock quantize --recipes` で見られます。</translation>
    </message>
</context>
</TS>
