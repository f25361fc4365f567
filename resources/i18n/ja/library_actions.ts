<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>AdoptingDialog</name>
    <message>
        <source>Models of other programs</source>
        <translation>ほかのプログラムのモデル</translation>
    </message>
    <message>
        <source>Take these models into the library</source>
        <translation>次のモデルをライブラリーに加えます</translation>
    </message>
    <message>
        <source>They are read where they lie: nothing is copied or changed, and Paddock never deletes them. System prompts and parameters come along.</source>
        <translation>モデルは元の場所でそのまま読み込みます。コピーも変更もせず、Paddock が削除することもありません。システムプロンプトとパラメーターも引き継ぎます。</translation>
    </message>
    <message>
        <source>No other program has models here</source>
        <translation>ほかのプログラムのモデルは見つかりませんでした</translation>
    </message>
    <message>
        <source>Looked for: Ollama, LM Studio, Jan, GPT4All and llama.cpp. A folder of yours is added with “Add folder…”.</source>
        <translation>Ollama、LM Studio、Jan、GPT4All、llama.cpp を探しました。自分のフォルダーは「フォルダーを追加…」で加えられます。</translation>
    </message>
    <message>
        <source>{app}: 1 model, {size}</source>
        <translation>{app}: モデル 1 個、{size}</translation>
    </message>
    <message>
        <source>{app}: {count} models, {size}</source>
        <translation>{app}: モデル {count} 個、{size}</translation>
    </message>
    <message>
        <source>{app}: in the library already</source>
        <translation>{app}: すでにライブラリーにあります</translation>
    </message>
    <message>
        <source>Take in</source>
        <translation>加える</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>ほか {count} 件</translation>
    </message>
</context>
<context>
    <name>RemovingDialog</name>
    <message>
        <source>Take {model} out of the list?</source>
        <translation>{model} を一覧から外しますか?</translation>
    </message>
    <message>
        <source>Delete {model}?</source>
        <translation>{model} を削除しますか?</translation>
    </message>
    <message>
        <source>Take out of the list</source>
        <translation>一覧から外す</translation>
    </message>
    <message>
        <source>{name} (its content has a second name elsewhere and stays there)</source>
        <translation>{name}(同じ内容が別の名前でほかの場所にもあり、そちらは残ります)</translation>
    </message>
    <message>
        <source>Stays: {path}. {reason}</source>
        <translation>残るもの: {path}。{reason}</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>ほか {count} 件</translation>
    </message>
    <message>
        <source>Take out</source>
        <translation>外す</translation>
    </message>
    <message>
        <source>Its files are not deleted. It can be shown again at any time.</source>
        <translation>ファイルは削除されません。いつでも再び表示できます。</translation>
    </message>
    <message>
        <source>It is a name with its own settings; the file of {model} stays.</source>
        <translation>これは独自の設定を持つ別名です。{model} のファイルは残ります。</translation>
    </message>
    <message>
        <source>These files are deleted for good; {size} become free:</source>
        <translation>次のファイルを完全に削除し、{size} を空けます。</translation>
    </message>
    <message>
        <source>These cannot be loaded without it: {models}.</source>
        <translation>次のモデルはこれがないと読み込めません: {models}</translation>
    </message>
    <message>
        <source>It stays in the list: its content also lies in another place.</source>
        <translation>同じ内容が別の場所にもあるため、一覧には残ります。</translation>
    </message>
</context>
<context>
    <name>Removal</name>
    <message>
        <source>Paddock did not download it.</source>
        <translation>Paddock がダウンロードしたものではありません。</translation>
    </message>
    <message>
        <source>Other parts of the model did not come from Paddock.</source>
        <translation>このモデルのほかの部分は、Paddock がダウンロードしたものではありません。</translation>
    </message>
    <message>
        <source>It also belongs to {models}.</source>
        <translation>{models} でも使われています。</translation>
    </message>
    <message>
        <source>Another snapshot that Paddock did not download uses it.</source>
        <translation>Paddock がダウンロードしていない別のスナップショットで使われています。</translation>
    </message>
    <message>
        <source>A link leads out of the models folder, or its place is not as Paddock left it.</source>
        <translation>リンクがモデルフォルダーの外を指しているか、置き場所が Paddock の置いたときと変わっています。</translation>
    </message>
    <message>
        <source>It is not the file that Paddock put there.</source>
        <translation>Paddock が置いたファイルではありません。</translation>
    </message>
    <message>
        <source>Its file was to be kept.</source>
        <translation>ファイルを残す指定です。</translation>
    </message>
</context>
<context>
    <name>LibraryActions</name>
    <message>
        <source>From other programs…</source>
        <translation>ほかのプログラムから…</translation>
    </message>
    <message>
        <source>From a Modelfile…</source>
        <translation>Modelfile から…</translation>
    </message>
    <message>
        <source>Show hidden models</source>
        <translation>隠したモデルを表示</translation>
    </message>
    <message>
        <source>Copied.</source>
        <translation>コピーしました。</translation>
    </message>
    <message>
        <source>Save the Modelfile</source>
        <translation>Modelfile を保存</translation>
    </message>
    <message>
        <source>Saved as {path}.</source>
        <translation>{path} に保存しました。</translation>
    </message>
    <message>
        <source>Make a model out of a Modelfile</source>
        <translation>Modelfile からモデルを作る</translation>
    </message>
    <message>
        <source>Add folder…</source>
        <translation>フォルダーを追加…</translation>
    </message>
    <message>
        <source>Add file…</source>
        <translation>ファイルを追加…</translation>
    </message>
    <message>
        <source>Find duplicates…</source>
        <translation>重複を探す…</translation>
    </message>
</context>
<context>
    <name>CardForm</name>
    <message>
        <source>Other names for clients</source>
        <translation>クライアントから使う別名</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>タグ</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>システムプロンプト</translation>
    </message>
    <message>
        <source>several with commas between them</source>
        <translation>複数あるときはコンマで区切ります</translation>
    </message>
    <message>
        <source>Used where a conversation has none of its own</source>
        <translation>会話に独自のものがないときに使います</translation>
    </message>
    <message>
        <source>What is changed here holds for chats and for clients.</source>
        <translation>ここでの変更は、チャットにもクライアントにも適用されます。</translation>
    </message>
    <message>
        <source>Defaults: {pairs}</source>
        <translation>既定値: {pairs}</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
</context>
<context>
    <name>DetailPanel</name>
    <message>
        <source>What can be done with it</source>
        <translation>このモデルの操作</translation>
    </message>
    <message>
        <source>Does it work here?</source>
        <translation>このマシンでの動作</translation>
    </message>
    <message>
        <source>Names and defaults</source>
        <translation>名前と既定値</translation>
    </message>
    <message>
        <source>Checking the file: {share}</source>
        <translation>ファイルを検査しています: {share}</translation>
    </message>
</context>
<context>
    <name>LibraryTools</name>
    <message>
        <source>Which models are shown: {which}</source>
        <translation>表示するモデル: {which}</translation>
    </message>
    <message>
        <source>All models</source>
        <translation>すべてのモデル</translation>
    </message>
</context>
<context>
    <name>Keeper</name>
    <message>
        <source>{model} was not tried: the machine was in use all the time.</source>
        <translation>{model} は試していません。マシンがずっと使用中でした。</translation>
    </message>
    <message>
        <source>{model}: every byte is as it was published.</source>
        <translation>{model}: 全バイトが公開時と一致しました。</translation>
    </message>
    <message>
        <source>{model} is damaged. The file is kept; get it again.</source>
        <translation>{model} は破損しています。ファイルは残してあります。もう一度入手してください。</translation>
    </message>
    <message>
        <source>{model} can be read whole; there is no hash to compare it with.</source>
        <translation>{model} は最後まで読めました。照合できるハッシュはありません。</translation>
    </message>
    <message>
        <source>There is a newer upload of {model}.</source>
        <translation>{model} には新しいアップロードがあります。</translation>
    </message>
    <message>
        <source>{model} is the newest upload.</source>
        <translation>{model} は最新のアップロードです。</translation>
    </message>
    <message>
        <source>{model} was deleted.</source>
        <translation>{model} を削除しました。</translation>
    </message>
    <message>
        <source>{model} was deleted: {size} are free again.</source>
        <translation>{model} を削除し、{size} が空きました。</translation>
    </message>
    <message>
        <source>{model} is out of the list; its file is untouched.</source>
        <translation>{model} を一覧から外しました。ファイルはそのままです。</translation>
    </message>
    <message>
        <source>{model} was made.</source>
        <translation>{model} を作りました。</translation>
    </message>
    <message>
        <source>Not taken over: {names}.</source>
        <translation>引き継げなかったもの: {names}。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
</context>
<context>
    <name>Marks</name>
    <message>
        <source>Try it once</source>
        <translation>一度試す</translation>
    </message>
    <message>
        <source>Try it again</source>
        <translation>もう一度試す</translation>
    </message>
    <message>
        <source>It has not been tried yet.</source>
        <translation>まだ試していません。</translation>
    </message>
    <message>
        <source>It is being tried now.</source>
        <translation>いま試しています。</translation>
    </message>
    <message>
        <source>It is tried as soon as nothing else uses the machine.</source>
        <translation>マシンが空き次第、試します。</translation>
    </message>
</context>
<context>
    <name>ModelMenu</name>
    <message>
        <source>Names and tags…</source>
        <translation>名前とタグ…</translation>
    </message>
    <message>
        <source>Try it once</source>
        <translation>一度試す</translation>
    </message>
    <message>
        <source>Check the file</source>
        <translation>ファイルを検査</translation>
    </message>
    <message>
        <source>Look for a newer upload</source>
        <translation>新しいアップロードを確認</translation>
    </message>
    <message>
        <source>Get the newer upload</source>
        <translation>新しいアップロードを入手</translation>
    </message>
    <message>
        <source>Export as a Modelfile…</source>
        <translation>Modelfile として書き出す…</translation>
    </message>
    <message>
        <source>Show in the list</source>
        <translation>一覧に戻す</translation>
    </message>
    <message>
        <source>Hide from the list</source>
        <translation>一覧から隠す</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>削除…</translation>
    </message>
</context>
<context>
    <name>LibraryRows</name>
    <message>
        <source>Hidden</source>
        <translation>非表示</translation>
    </message>
    <message>
        <source>Newer upload</source>
        <translation>新しいアップロードあり</translation>
    </message>
    <message>
        <source>Fit</source>
        <translation>適合</translation>
    </message>
    <message>
        <source>Last used</source>
        <translation>最後の使用</translation>
    </message>
    <message>
        <source>Added</source>
        <translation>追加日</translation>
    </message>
</context>
<context>
    <name>Facts</name>
    <message>
        <source>Comes from</source>
        <translation>由来</translation>
    </message>
    <message>
        <source>Not taken over</source>
        <translation>引き継げなかったもの</translation>
    </message>
    <message>
        <source>Measured speed</source>
        <translation>実測速度</translation>
    </message>
    <message>
        <source>Last check</source>
        <translation>最後の検査</translation>
    </message>
    <message>
        <source>Added</source>
        <translation>追加日</translation>
    </message>
    <message>
        <source>Last used</source>
        <translation>最後の使用</translation>
    </message>
    <message>
        <source>{model}, with its own settings</source>
        <translation>{model}(独自の設定)</translation>
    </message>
    <message>
        <source>✓ as it was published, {day}</source>
        <translation>✓ 公開時と一致、{day}</translation>
    </message>
    <message>
        <source>✕ damaged, {day}</source>
        <translation>✕ 破損、{day}</translation>
    </message>
    <message>
        <source>readable; no hash to compare with, {day}</source>
        <translation>読み取り可能(照合できるハッシュなし)、{day}</translation>
    </message>
</context>
<context>
    <name>ModelList</name>
    <message>
        <source>{size} in {folder}</source>
        <translation>{folder} に {size}</translation>
    </message>
    <message>
        <source>{size} in {folder} ({free} free there)</source>
        <translation>{folder} に {size}(空き {free})</translation>
    </message>
</context>
<context>
    <name>Duplicates</name>
    <message>
        <source>{size} are free again.</source>
        <translation>{size} が空きました。</translation>
    </message>
    <message>
        <source>{count} files were left as they are: {reason}</source>
        <translation>{count} 個のファイルはそのままにしました: {reason}</translation>
    </message>
</context>
<context>
    <name>DuplicatesDialog</name>
    <message>
        <source>Find duplicates</source>
        <translation>重複を探す</translation>
    </message>
    <message>
        <source>Each ticked group becomes one file that keeps all its names, so every program goes on finding it. Both are compared byte by byte before. There is no way back.</source>
        <translation>選んだ組はそれぞれ一つのファイルになります。名前はすべて残るので、どのプログラムからもこれまでどおり使えます。その前に全バイトを照合します。元には戻せません。</translation>
    </message>
    <message>
        <source>Comparing the files of the library…</source>
        <translation>ライブラリーのファイルを比べています…</translation>
    </message>
    <message>
        <source>No file is there twice.</source>
        <translation>重複しているファイルはありません。</translation>
    </message>
    <message>
        <source>The same content lies in several places. {size} could be saved.</source>
        <translation>同じ内容が複数の場所にあります。{size} を節約できます。</translation>
    </message>
    <message>
        <source>Comparing files</source>
        <translation>ファイルの照合</translation>
    </message>
    <message>
        <source>{count} × {size}: saves {saved}</source>
        <translation>{count} 個 × {size}: {saved} を節約</translation>
    </message>
    <message>
        <source>{count} × {size}: on different disks, where nothing can be saved</source>
        <translation>{count} 個 × {size}: 別々のディスクにあるため節約できません</translation>
    </message>
    <message>
        <source>Make one file of each, save {size}</source>
        <translation>それぞれ一つにまとめ、{size} を節約</translation>
    </message>
    <message>
        <source>Make one file of each</source>
        <translation>それぞれ一つにまとめる</translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation>ほか {count} 件</translation>
    </message>
</context>
<context>
    <name>StatusBar</name>
    <message>
        <source>{kind} waits for an idle machine</source>
        <translation>{kind}は、マシンが空くのを待っています</translation>
    </message>
    <message>
        <source>Search for duplicates</source>
        <translation>重複の検索</translation>
    </message>
    <message>
        <source>Linking of duplicates</source>
        <translation>重複の統合</translation>
    </message>
</context>
</TS>
