<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>CardHands</name>
    <message>
        <source>Details</source>
        <translation>詳細</translation>
    </message>
    <message>
        <source>Show in Library</source>
        <translation>ライブラリーで表示</translation>
    </message>
    <message>
        <source>Open its page at Hugging Face</source>
        <translation>Hugging Face の配布ページを開く</translation>
    </message>
    <message>
        <source>Copy the repository's name</source>
        <translation>リポジトリー名をコピー</translation>
    </message>
</context>
<context>
    <name>Discover</name>
    <message>
        <source>Get {quant} · {size}</source>
        <translation>{quant}（{size}）を入手</translation>
    </message>
    <message>
        <source>On its way here</source>
        <translation>ダウンロード中</translation>
    </message>
    <message>
        <source>Get it…</source>
        <translation>入手…</translation>
    </message>
    <message>
        <source>Get {best} (Ctrl+Enter)</source>
        <translation>{best} を入手（Ctrl+Enter）</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度試す</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>再開</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>一時停止</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>中止</translation>
    </message>
    <message>
        <source>Get</source>
        <translation>入手</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>読み込む</translation>
    </message>
    <message>
        <source>Asking for it…</source>
        <translation>依頼しています…</translation>
    </message>
    <message>
        <source>{count} downloads</source>
        <translation>{count} ダウンロード</translation>
    </message>
    <message>
        <source>{count} likes</source>
        <translation>いいね {count}</translation>
    </message>
    <message>
        <source>changed {date}</source>
        <translation>更新 {date}</translation>
    </message>
    <message>
        <source>made of {model}</source>
        <translation>元のモデル {model}</translation>
    </message>
    <message>
        <source>Original weights</source>
        <translation>元モデルの重み</translation>
    </message>
    <message>
        <source>Speech</source>
        <translation>音声認識</translation>
    </message>
    <message>
        <source>Private</source>
        <translation>非公開</translation>
    </message>
    <message>
        <source>Asks for consent</source>
        <translation>同意が必要</translation>
    </message>
</context>
<context>
    <name>GetBox</name>
    <message>
        <source>Cancel this download</source>
        <translation>このダウンロードを中止</translation>
    </message>
    <message>
        <source>All downloads</source>
        <translation>すべてのダウンロード</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度試す</translation>
    </message>
    <message>
        <source>Show what it has</source>
        <translation>実際のファイルを表示</translation>
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
        <source>Load anyway</source>
        <translation>それでも読み込む</translation>
    </message>
    <message>
        <source>Show in Library</source>
        <translation>ライブラリーで表示</translation>
    </message>
    <message>
        <source>Get · {size}</source>
        <translation>入手 · {size}</translation>
    </message>
    <message>
        <source>Get</source>
        <translation>入手</translation>
    </message>
    <message>
        <source>It lies at no hub: only what is at Hugging Face is downloaded from here.</source>
        <translation>ハブにないファイルです。ここからダウンロードできるのは Hugging Face のものだけです。</translation>
    </message>
    <message>
        <source>It would not fit into this machine's memory. You can get it all the same.</source>
        <translation>このマシンのメモリーには収まりませんが、入手はできます。</translation>
    </message>
    <message>
        <source>With its image reader, +{size}</source>
        <translation>画像読み取り用ファイルも（+{size}）</translation>
    </message>
    <message>
        <source>The projector: the file through which the model sees or hears.</source>
        <translation>プロジェクターです。モデルが画像や音声を受け取るためのファイルです。</translation>
    </message>
    <message>
        <source>With {model} as its draft, about +{size}</source>
        <translation>下書き用の {model} も（約 +{size}）</translation>
    </message>
    <message>
        <source>A small model that proposes tokens, which can make answers faster.</source>
        <translation>トークンの候補を出す小さなモデルです。回答が速くなることがあります。</translation>
    </message>
    <message>
        <source>Asking for it…</source>
        <translation>依頼しています…</translation>
    </message>
    <message>
        <source>Resume this download</source>
        <translation>このダウンロードを再開</translation>
    </message>
    <message>
        <source>Pause this download</source>
        <translation>このダウンロードを一時停止</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>チャット</translation>
    </message>
    <message>
        <source>Loading…</source>
        <translation>読み込み中…</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>読み込む</translation>
    </message>
    <message>
        <source>This repository asks for your consent</source>
        <translation>このリポジトリーは同意を求めています</translation>
    </message>
    <message>
        <source>If it has terms, agree to them on its page, signed in at Hugging Face; then enter a token of that account, and try again.</source>
        <translation>利用条件がある場合は、Hugging Face にサインインして配布ページで同意し、そのアカウントのトークンを入力してから、もう一度試してください。</translation>
    </message>
    <message>
        <source>Agree to its terms on its page, signed in at Hugging Face, and enter a token of that account. Access is granted at once.</source>
        <translation>Hugging Face にサインインして配布ページで利用条件に同意し、そのアカウントのトークンを入力してください。すぐに利用できます。</translation>
    </message>
    <message>
        <source>Ask for access on its page, signed in at Hugging Face, and enter a token of that account. Its owner decides who may have it.</source>
        <translation>Hugging Face にサインインして配布ページで利用を申請し、そのアカウントのトークンを入力してください。許可は所有者が判断します。</translation>
    </message>
</context>
<context>
    <name>HubFilters</name>
    <message>
        <source>Trending first</source>
        <translation>話題順</translation>
    </message>
    <message>
        <source>Most downloads first</source>
        <translation>ダウンロード順</translation>
    </message>
    <message>
        <source>Most likes first</source>
        <translation>いいね順</translation>
    </message>
    <message>
        <source>Last changed first</source>
        <translation>更新順</translation>
    </message>
    <message>
        <source>GGUF files</source>
        <translation>GGUF ファイル</translation>
    </message>
    <message>
        <source>Original weights</source>
        <translation>元モデルの重み</translation>
    </message>
    <message>
        <source>Both</source>
        <translation>両方</translation>
    </message>
    <message>
        <source>Any size</source>
        <translation>サイズ指定なし</translation>
    </message>
    <message>
        <source>Up to 4 B</source>
        <translation>4 B まで</translation>
    </message>
    <message>
        <source>4 B to 10 B</source>
        <translation>4 B ～ 10 B</translation>
    </message>
    <message>
        <source>10 B to 35 B</source>
        <translation>10 B ～ 35 B</translation>
    </message>
    <message>
        <source>Over 35 B</source>
        <translation>35 B 超</translation>
    </message>
    <message>
        <source>Any licence</source>
        <translation>ライセンス指定なし</translation>
    </message>
    <message>
        <source>Order</source>
        <translation>並べ替え</translation>
    </message>
    <message>
        <source>What kind of files</source>
        <translation>ファイルの種類</translation>
    </message>
    <message>
        <source>Number of parameters</source>
        <translation>パラメーター数</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>ライセンス</translation>
    </message>
</context>
<context>
    <name>HubView</name>
    <message>
        <source>Catalogue</source>
        <translation>カタログ</translation>
    </message>
    <message>
        <source>Back to the catalogue</source>
        <translation>カタログに戻る</translation>
    </message>
    <message>
        <source>Show more</source>
        <translation>さらに表示</translation>
    </message>
    <message>
        <source>Repositories at Hugging Face</source>
        <translation>Hugging Face のリポジトリー</translation>
    </message>
    <message>
        <source>Asking Hugging Face</source>
        <translation>Hugging Face に問い合わせ中</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度試す</translation>
    </message>
    <message>
        <source>Hugging Face has no such repository for “{text}”.</source>
        <translation>Hugging Face に「{text}」に当てはまるリポジトリーはありません。</translation>
    </message>
    <message>
        <source>Hugging Face has no such repository.</source>
        <translation>Hugging Face に当てはまるリポジトリーはありません。</translation>
    </message>
    <message>
        <source>{count} repositories for “{text}”</source>
        <translation>「{text}」のリポジトリー {count} 件</translation>
    </message>
    <message>
        <source>{count} repositories</source>
        <translation>リポジトリー {count} 件</translation>
    </message>
    <message>
        <source>1 repository</source>
        <translation>リポジトリー 1 件</translation>
    </message>
    <message>
        <source>1 repository for “{text}”</source>
        <translation>「{text}」のリポジトリー 1 件</translation>
    </message>
    <message>
        <source>These are answers of {date}: Hugging Face cannot be asked now</source>
        <translation>{date} 時点の情報です。今は Hugging Face に問い合わせできません</translation>
    </message>
</context>
<context>
    <name>DiscoverPage</name>
    <message>
        <source>No model of the catalogue is called “{text}”.</source>
        <translation>カタログに「{text}」というモデルはありません。</translation>
    </message>
    <message>
        <source>Search Hugging Face</source>
        <translation>Hugging Face を検索</translation>
    </message>
    <message>
        <source>Search Hugging Face for “{name}”</source>
        <translation>Hugging Face で「{name}」を検索</translation>
    </message>
    <message>
        <source>Asks the hub for repositories called {name} (Enter)</source>
        <translation>{name} という名前のリポジトリーをハブに問い合わせます（Enter）</translation>
    </message>
</context>
<context>
    <name>QuantRow</name>
    <message>
        <source>Get</source>
        <translation>入手</translation>
    </message>
    <message>
        <source>Get {name}</source>
        <translation>{name} を入手</translation>
    </message>
    <message>
        <source>In your library</source>
        <translation>ライブラリーにあり</translation>
    </message>
    <message>
        <source>Asking for it…</source>
        <translation>依頼しています…</translation>
    </message>
</context>
<context>
    <name>RepoPanel</name>
    <message>
        <source>Close details</source>
        <translation>詳細を閉じる</translation>
    </message>
    <message>
        <source>Copy the repository's name</source>
        <translation>リポジトリー名をコピー</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>ファイル</translation>
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
        <source>Try again</source>
        <translation>もう一度試す</translation>
    </message>
    <message>
        <source>As of {date}: Hugging Face cannot be asked now</source>
        <translation>{date} 時点の情報です。今は Hugging Face に問い合わせできません</translation>
    </message>
    <message>
        <source>It holds the original weights in safetensors files, which the engine does not load. Look for a GGUF repository that was made of it.</source>
        <translation>safetensors 形式の元モデルの重みで、エンジンでは読み込めません。これを元にした GGUF のリポジトリーを探してください。</translation>
    </message>
    <message>
        <source>It holds no GGUF model.</source>
        <translation>GGUF のモデルはありません。</translation>
    </message>
    <message>
        <source>What fits here cannot be told before a header is read</source>
        <translation>収まるかどうかは、ヘッダーを読むまでわかりません</translation>
    </message>
    <message>
        <source>This repository asks for your consent</source>
        <translation>このリポジトリーは同意を求めています</translation>
    </message>
    <message>
        <source>Agree to its terms on its page, signed in at Hugging Face, and enter a token of that account. Access is granted at once.</source>
        <translation>Hugging Face にサインインして配布ページで利用条件に同意し、そのアカウントのトークンを入力してください。すぐに利用できます。</translation>
    </message>
    <message>
        <source>Ask for access on its page, signed in at Hugging Face, and enter a token of that account. Its owner decides who may have it.</source>
        <translation>Hugging Face にサインインして配布ページで利用を申請し、そのアカウントのトークンを入力してください。許可は所有者が判断します。</translation>
    </message>
</context>
<context>
    <name>Sheet</name>
    <message>
        <source>Asking the hub</source>
        <translation>ハブに問い合わせています</translation>
    </message>
    <message>
        <source>Reading a header</source>
        <translation>ヘッダーを読んでいます</translation>
    </message>
</context>
</TS>
