<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>Notices</name>
    <message>
        <source>{label} loses {percent:.0f} % less than {plain}, the best plain type that is as small or as fast: KL divergence {kld:.4f} instead of {plain_kld:.4f}.</source>
        <translation>{label} は、同じ条件を満たす通常の型で最良の {plain} より劣化が {percent:.0f} % 少なくなっています (KL ダイバージェンスは {kld:.4f}、比較対象は {plain_kld:.4f})。</translation>
    </message>
    <message>
        <source>No recipe was found that surely loses less than {plain}: KL divergence {plain_kld:.4f}. So that one was made.</source>
        <translation>{plain} (KL ダイバージェンス {plain_kld:.4f}) より確実に劣化が少ないレシピは見つからなかったため、この型で作成しました。</translation>
    </message>
    <message>
        <source>{label} has a KL divergence of {kld:.4f}. No plain type is as small.</source>
        <translation>{label} の KL ダイバージェンスは {kld:.4f} です。これほど小さくなる通常の型はありません。</translation>
    </message>
</context>
</TS>
