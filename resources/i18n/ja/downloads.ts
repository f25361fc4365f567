<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>App</name>
    <message>
        <source>The downloads go on. Open or quit Paddock here.</source>
        <translation>ダウンロードは続きます。ここから Paddock を開くか終了できます。</translation>
    </message>
</context>
<context>
    <name>FolderField</name>
    <message>
        <source>Change…</source>
        <translation>変更…</translation>
    </message>
    <message>
        <source>Change the models folder</source>
        <translation>モデルフォルダーを変更</translation>
    </message>
    <message>
        <source>Use the usual one</source>
        <translation>標準のフォルダーに戻す</translation>
    </message>
    <message>
        <source>{name} in the environment decides it, so it cannot be changed here.</source>
        <translation>環境変数 {name} で決まっているため、ここでは変更できません。</translation>
    </message>
    <message>
        <source>Choose a folder for downloads</source>
        <translation>ダウンロード先のフォルダーを選ぶ</translation>
    </message>
    <message>
        <source>Move there</source>
        <translation>移動する</translation>
    </message>
    <message>
        <source>Keep it</source>
        <translation>このまま</translation>
    </message>
    <message>
        <source>What was downloaded moves to {folder}. Downloads wait meanwhile.</source>
        <translation>ダウンロード済みのモデルを {folder} へ移動します。その間、ダウンロードは待機します。</translation>
    </message>
    <message>
        <source>Moving the models</source>
        <translation>モデルを移動しています</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Window</source>
        <translation>ウィンドウ</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>サーバー</translation>
    </message>
    <message>
        <source>Downloads and library</source>
        <translation>ダウンロードとライブラリー</translation>
    </message>
    <message>
        <source>Speed limit</source>
        <translation>速度制限</translation>
    </message>
    <message>
        <source>Of all downloads together; counts at once.</source>
        <translation>すべてのダウンロードの合計に、すぐに適用されます。</translation>
    </message>
    <message>
        <source>More can be faster where a server limits each of them.</source>
        <translation>接続ごとに速度を制限するサーバーでは、多いほど速くなることがあります。</translation>
    </message>
    <message>
        <source>Most connections of a download</source>
        <translation>ダウンロードの最大接続数</translation>
    </message>
    <message>
        <source>Downloads go there, in the form other Hugging Face tools share.</source>
        <translation>ダウンロード先です。ほかの Hugging Face ツールと共有できる形式で保存します。</translation>
    </message>
    <message>
        <source>Models folder</source>
        <translation>モデルフォルダー</translation>
    </message>
    <message>
        <source>For models that ask for consent, and your own. It is sent to Hugging Face only.</source>
        <translation>同意が必要なモデルや、ご自身のモデルに使います。Hugging Face にだけ送信します。</translation>
    </message>
    <message>
        <source>Token for Hugging Face</source>
        <translation>Hugging Face のトークン</translation>
    </message>
    <message>
        <source>Whether its template, tools and stops work is told in the Library.</source>
        <translation>テンプレート、ツール、停止が正しく動くかを、ライブラリーに表示します。</translation>
    </message>
    <message>
        <source>Try new models once when the machine is idle</source>
        <translation>新しいモデルを空き時間に一度試す</translation>
    </message>
    <message>
        <source>On</source>
        <translation>オン</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>オフ</translation>
    </message>
</context>
<context>
    <name>TokenField</name>
    <message>
        <source>hf_…</source>
        <translation>hf_…</translation>
    </message>
    <message>
        <source>Token for Hugging Face</source>
        <translation>Hugging Face のトークン</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Save the token</source>
        <translation>トークンを保存</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>削除</translation>
    </message>
    <message>
        <source>Remove the token</source>
        <translation>トークンを削除</translation>
    </message>
    <message>
        <source>Make one at Hugging Face</source>
        <translation>Hugging Face で作成</translation>
    </message>
    <message>
        <source>Looking for a token…</source>
        <translation>トークンを確認しています…</translation>
    </message>
    <message>
        <source>The token in HF_TOKEN is used: it comes before one set here.</source>
        <translation>HF_TOKEN のトークンを使っています。ここでの設定より優先されます。</translation>
    </message>
    <message>
        <source>A token is set. It is kept in the system's keychain where there is one.</source>
        <translation>トークンが設定されています。システムにキーチェーンがあれば、そこに保存されます。</translation>
    </message>
    <message>
        <source>The token of the Hugging Face tools is used.</source>
        <translation>Hugging Face ツールのトークンを使っています。</translation>
    </message>
    <message>
        <source>No token is set. Most models need none.</source>
        <translation>トークンは設定されていません。ほとんどのモデルには不要です。</translation>
    </message>
</context>
<context>
    <name>EndedRow</name>
    <message>
        <source>Chat now</source>
        <translation>チャットを始める</translation>
    </message>
    <message>
        <source>Show in Library</source>
        <translation>ライブラリーで表示</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度試す</translation>
    </message>
    <message>
        <source>Open its page</source>
        <translation>配布ページを開く</translation>
    </message>
    <message>
        <source>Enter a token…</source>
        <translation>トークンを入力…</translation>
    </message>
    <message>
        <source>Remove {name} from this list</source>
        <translation>{name} をこの一覧から消す</translation>
    </message>
</context>
<context>
    <name>LimitBox</name>
    <message>
        <source>No limit</source>
        <translation>無制限</translation>
    </message>
    <message>
        <source>Speed limit</source>
        <translation>速度制限</translation>
    </message>
</context>
<context>
    <name>DownloadList</name>
    <message>
        <source>Ended</source>
        <translation>終了したもの</translation>
    </message>
    <message>
        <source>Clear the list</source>
        <translation>一覧を消去</translation>
    </message>
</context>
<context>
    <name>DownloadNotices</name>
    <message>
        <source>{name} was not downloaded</source>
        <translation>{name} をダウンロードできませんでした</translation>
    </message>
    <message>
        <source>{name} is here</source>
        <translation>{name} が届きました</translation>
    </message>
    <message>
        <source>It is in your library.</source>
        <translation>ライブラリーに入りました。</translation>
    </message>
    <message>
        <source>{name}: {error}</source>
        <translation>{name}：{error}</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>表示</translation>
    </message>
    <message>
        <source>Chat now</source>
        <translation>チャットを始める</translation>
    </message>
    <message>
        <source>{name} is in your library.</source>
        <translation>{name} がライブラリーに入りました。</translation>
    </message>
</context>
<context>
    <name>DownloadsPanel</name>
    <message>
        <source>Downloads</source>
        <translation>ダウンロード</translation>
    </message>
    <message>
        <source>Close the downloads</source>
        <translation>ダウンロードを閉じる</translation>
    </message>
    <message>
        <source>Speed limit</source>
        <translation>速度制限</translation>
    </message>
    <message>
        <source>Nothing is being downloaded. Find a model in Discover and get it.</source>
        <translation>ダウンロード中のものはありません。「見つける」でモデルを選んで入手できます。</translation>
    </message>
    <message>
        <source>Resume all</source>
        <translation>すべて再開</translation>
    </message>
    <message>
        <source>Pause all</source>
        <translation>すべて一時停止</translation>
    </message>
</context>
<context>
    <name>CancelQuestion</name>
    <message>
        <source>Keep it</source>
        <translation>残す</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>削除</translation>
    </message>
    <message>
        <source>Cancel and delete</source>
        <translation>中止して削除</translation>
    </message>
    <message>
        <source>Delete what was fetched of it?</source>
        <translation>取得済みの分を削除しますか。</translation>
    </message>
    <message>
        <source>Delete the {size} that were fetched?</source>
        <translation>取得済みの {size} を削除しますか。</translation>
    </message>
</context>
<context>
    <name>DownloadRow</name>
    <message>
        <source>Move {name} up</source>
        <translation>{name} を上へ</translation>
    </message>
    <message>
        <source>Move {name} down</source>
        <translation>{name} を下へ</translation>
    </message>
    <message>
        <source>Cancel {name}</source>
        <translation>{name} を中止</translation>
    </message>
    <message>
        <source>Resume {name}</source>
        <translation>{name} を再開</translation>
    </message>
    <message>
        <source>Pause {name}</source>
        <translation>{name} を一時停止</translation>
    </message>
    <message>
        <source>1 file</source>
        <translation>1 ファイル</translation>
    </message>
    <message>
        <source>{count} files</source>
        <translation>{count} ファイル</translation>
    </message>
</context>
<context>
    <name>Downloads</name>
    <message>
        <source>The download needs {needed} more, and {free} are free.</source>
        <translation>あと {needed} 必要ですが、空きは {free} です。</translation>
    </message>
    <message>
        <source>Waiting for its turn</source>
        <translation>順番待ち</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>一時停止中</translation>
    </message>
    <message>
        <source>Asking the hub for its files</source>
        <translation>ハブにファイルを問い合わせています</translation>
    </message>
    <message>
        <source>Downloading</source>
        <translation>ダウンロード中</translation>
    </message>
    <message>
        <source>Checking what arrived</source>
        <translation>届いたファイルを検証しています</translation>
    </message>
    <message>
        <source>Adding it to the library</source>
        <translation>ライブラリーに追加しています</translation>
    </message>
    <message>
        <source>In your library</source>
        <translation>ライブラリーにあり</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失敗</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>中止済み</translation>
    </message>
    <message>
        <source>Next in turn</source>
        <translation>次の順番</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} / {total}</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>残り {time}</translation>
    </message>
    <message>
        <source>1 connection</source>
        <translation>接続 1 本</translation>
    </message>
    <message>
        <source>{count} connections</source>
        <translation>接続 {count} 本</translation>
    </message>
    <message>
        <source>checked {size}</source>
        <translation>検証済み {size}</translation>
    </message>
    <message>
        <source>{size} in {time}</source>
        <translation>{size}（{time}）</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>待機</translation>
    </message>
    <message>
        <source>was here</source>
        <translation>取得済み</translation>
    </message>
    <message>
        <source>downloading</source>
        <translation>取得中</translation>
    </message>
    <message>
        <source>checking</source>
        <translation>検証中</translation>
    </message>
    <message>
        <source>done and checked</source>
        <translation>完了・検証済み</translation>
    </message>
    <message>
        <source>1 download</source>
        <translation>ダウンロード 1 件</translation>
    </message>
    <message>
        <source>{count} downloads</source>
        <translation>ダウンロード {count} 件</translation>
    </message>
    <message>
        <source>{size} of {file} were here already.</source>
        <translation>{file} のうち {size} はすでにあります。</translation>
    </message>
    <message>
        <source>{file} was here already.</source>
        <translation>{file} はすでにあります。</translation>
    </message>
    <message>
        <source>{file} was replaced at the hub: it is fetched anew.</source>
        <translation>{file} がハブで差し替えられたため、最初から取得します。</translation>
    </message>
    <message>
        <source>The server does not say how large {file} is.</source>
        <translation>サーバーが {file} のサイズを知らせません。</translation>
    </message>
    <message>
        <source>The server sends {file} only as a whole: a pause would begin it anew.</source>
        <translation>サーバーは {file} を途中から送れません。一時停止すると最初からになります。</translation>
    </message>
    <message>
        <source>{file} did not arrive as its hash says: it is fetched once more.</source>
        <translation>届いた {file} がハッシュと一致しないため、もう一度取得します。</translation>
    </message>
    <message>
        <source>{file} was here with another size: it is fetched anew.</source>
        <translation>すでにある {file} のサイズが違うため、最初から取得します。</translation>
    </message>
    <message>
        <source>The hub gives no hash for {file}: it could not be checked.</source>
        <translation>ハブに {file} のハッシュがないため、検証できませんでした。</translation>
    </message>
    <message>
        <source>The server asks to wait {time}.</source>
        <translation>サーバーが {time} 待つよう求めています。</translation>
    </message>
    <message>
        <source>Waiting for the network: {reason}</source>
        <translation>ネットワークを待っています：{reason}</translation>
    </message>
    <message>
        <source>Another program is fetching {file}: waiting for it.</source>
        <translation>ほかのプログラムが {file} を取得しています。終わるのを待っています。</translation>
    </message>
    <message>
        <source>Links cannot be made in that folder: {file} lies there itself.</source>
        <translation>このフォルダーではリンクを作れないため、{file} をそのまま置きます。</translation>
    </message>
</context>
<context>
    <name>Commands</name>
    <message>
        <source>Downloads</source>
        <translation>ダウンロード</translation>
    </message>
</context>
<context>
    <name>StatusBar</name>
    <message>
        <source>Downloads</source>
        <translation>ダウンロード</translation>
    </message>
    <message>
        <source>Test of a new model</source>
        <translation>新しいモデルの試験</translation>
    </message>
    <message>
        <source>Check of files</source>
        <translation>ファイルの検証</translation>
    </message>
    <message>
        <source>Taking over of models</source>
        <translation>モデルの取り込み</translation>
    </message>
    <message>
        <source>Move of the models folder</source>
        <translation>モデルフォルダーの移動</translation>
    </message>
</context>
</TS>
